"""Which findings were judged from which generation on: a replay finds no more than the judging of that time did."""

from __future__ import annotations

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from app.models import JudgedFindings


def judged_at(session: Session, generation: int) -> int:
    """The mask of findings that samples of this generation were judged for."""
    known = select(JudgedFindings.findings).where(JudgedFindings.generation <= generation)
    return session.scalars(known.order_by(JudgedFindings.generation.desc()).limit(1)).one()


def begin_to_judge(connection: Connection, findings: int) -> None:
    """Judge for these findings too from now on: for migrations, whose new code finds more than the old one.

    Where samples are stored this takes the registry's next generation, so that they stay judged as they were.
    """
    newest = text("SELECT generation, findings FROM judged_findings ORDER BY generation DESC LIMIT 1")
    generation, known = connection.execute(newest).one()
    if connection.execute(text("SELECT 1 FROM samples LIMIT 1")).first() is None:
        changed = text("UPDATE judged_findings SET findings = :findings WHERE generation = :generation")
        connection.execute(changed, {"findings": known | findings, "generation": generation})
        return
    raised = text("UPDATE registry_generation SET generation = generation + 1 RETURNING generation")
    inserted = text("INSERT INTO judged_findings (generation, findings) VALUES (:generation, :findings)")
    values = {"generation": connection.execute(raised).scalar_one(), "findings": known | findings}
    connection.execute(inserted, values)
