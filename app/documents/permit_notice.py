"""The printable notice of a permit: A4, both languages, with a QR code of its public verification page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.documents.paper import AMBER, GREEN, INK, MUTED, RED, Paper, Tone
from app.documents.wording import Words
from app.schemas.permits import Standing

_TITLE = Words("自动驾驶与低空运行试点许可通知书", "Permit for a trial of self-driving or low-altitude operation")
_TONES = {
    Standing.ISSUED: GREEN,
    Standing.UPCOMING: AMBER,
    Standing.SUSPENDED: RED,
    Standing.EXPIRED: RED,
    Standing.REVOKED: RED,
    Standing.SURRENDERED: RED,
}
_INVALID = Words("本许可现不得据以运行。", "Nothing may be operated under this permit now.")


@dataclass(frozen=True, slots=True)
class Listed:
    """A numbered list of the notice, such as its vehicles; `entries` are (identifier, description)."""

    title: Words
    entries: Sequence[tuple[str, str]]
    empty: Words


@dataclass(frozen=True, slots=True)
class PermitNotice:
    """Everything that stands on the notice. `facts` and `terms` are (name, value)."""

    number: str
    revision: int
    standing: Standing
    standing_words: Words
    facts: Sequence[tuple[Words, Words]]
    terms: Sequence[tuple[Words, Words]]
    lists: Sequence[Listed]
    authority: Words
    signed_on: str
    printed_at: str
    printed_at_ms: int
    url: str


def notice_pdf(notice: PermitNotice) -> bytes:
    """The notice as a PDF."""
    paper = Paper(
        title=f"{notice.number} {_TITLE.en}",
        footer=f"{notice.number} · 第 {notice.revision} 版 revision {notice.revision} · {notice.url}",
        made_at=datetime.fromtimestamp(notice.printed_at_ms / 1000, UTC),
    )
    _head(paper, notice)
    _state(paper, notice)
    _facts(paper, notice.facts)
    paper.section(Words("许可条件", "Conditions"))
    _facts(paper, notice.terms)
    for listed in notice.lists:
        _list(paper, listed)
    _seal(paper, notice)
    return paper.finished()


def _head(paper: Paper, notice: PermitNotice) -> None:
    top = paper.y
    paper.qr(notice.url, size_mm=30)
    paper.y = top
    width = paper.width - 36
    paper.text(notice.authority.zh, size=10, tone=MUTED, width=width)
    paper.text(notice.authority.en, size=8, tone=MUTED, width=width)
    paper.gap(2)
    paper.text(_TITLE.zh, size=17, tone=INK, width=width, is_title=True)
    paper.text(_TITLE.en, size=9.5, tone=MUTED, width=width)
    paper.y = max(paper.y, top + 32)
    paper.gap(2)
    paper.rule()
    paper.gap(3)
    paper.text(f"编号 No.  {notice.number}", size=13, tone=INK)
    paper.gap(2)


def _state(paper: Paper, notice: PermitNotice) -> None:
    tone: Tone = _TONES[notice.standing]
    large = notice.standing is not Standing.ISSUED
    words = notice.standing_words
    remark = f"{_INVALID.zh}{_INVALID.en}" if large else ""
    paper.stamp(f"{words.zh}  {words.en.upper()}", remark, tone=tone, size=26 if large else 13)
    paper.gap(3)


def _facts(paper: Paper, facts: Sequence[tuple[Words, Words]]) -> None:
    for name, value in facts:
        paper.row(f"{name.zh}\n{name.en}", value.zh if value.zh == value.en else f"{value.zh}\n{value.en}")


def _list(paper: Paper, listed: Listed) -> None:
    count = f"（{len(listed.entries)}）" if listed.entries else ""
    paper.section(Words(listed.title.zh + count, listed.title.en))
    for index, (identifier, description) in enumerate(listed.entries, 1):
        paper.row(f"{index}.  {identifier}", description)
    if not listed.entries:
        paper.text(f"{listed.empty.zh} {listed.empty.en}", size=9, tone=MUTED)


def _seal(paper: Paper, notice: PermitNotice) -> None:
    paper.gap(6)
    paper.keep_together(52)
    left = (
        "扫描二维码或访问以下网址核验本许可的最新状态。\n"
        f"Verify the present state of this permit with the QR code or at\n{notice.url}\n\n"
        f"打印时间 Printed {notice.printed_at}\n"
        "以平台核验结果为准。The verification page prevails over this print."
    )
    paper.seal(left, f"{notice.authority.zh}\n{notice.authority.en}\n{notice.signed_on}", "（盖章 Seal）")
