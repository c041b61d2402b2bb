"""The documents stay whole: every finding and reject reason is described as the code has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.web.findings_text import FINDING_TEXTS
from telemetry.findings import RULES, Finding
from telemetry.ports import RejectReason

DOCS = Path(__file__).parents[2] / "docs"


def _row(finding: Finding) -> str:
    rule, text = RULES[finding], FINDING_TEXTS[finding]
    confirm = f"{rule.confirm_count} in {rule.confirm_ms / 1000:g} s"
    clear = f"{rule.clear_count} in {rule.clear_ms / 1000:g} s"
    bit = int(finding).bit_length() - 1
    meaning = f"{text.zh.name}. {text.en.description}"
    cells = (f"`{finding.code}`", bit, rule.severity, meaning, rule.reads, confirm, clear, rule.source)
    return f"| {' | '.join(map(str, cells))} |"


@pytest.mark.parametrize("finding", list(Finding))
def test_each_finding_stands_in_its_document(finding: Finding) -> None:
    assert _row(finding) in (DOCS / "findings.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("reason", list(RejectReason))
def test_each_reject_reason_stands_in_the_document_of_findings(reason: RejectReason) -> None:
    lines = (DOCS / "findings.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith(f"| `{reason}` |") for line in lines) == 1
