"""What happened in a bundle's window, one thing after the other, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.documents.wording import Words
from app.evidence.content import Content
from app.evidence.findings import Shown, shown_by
from app.evidence.wording import DIRECTIVES, REPLIES
from app.web.findings_text import FINDING_TEXTS
from telemetry.findings import Finding

_CODES = {finding.code: finding for finding in Finding}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `tone` is how it looks, `until_ms` its end where it lasted."""

    at_ms: int
    until_ms: int | None
    tone: str
    title: Words
    text: str


def timeline(content: Content) -> list[Entry]:
    """Findings, alerts, directives with their answers, incidents, rejects and decisions, in the order of time."""
    record = content.record
    entries = [_finding(shown) for shown in shown_by(content.tracks.own)]
    entries += [_alert(alert) for alert in record.alerts]
    for directive in record.directives:
        entries += _directive(directive)
    entries += [
        Entry(
            each["occurred_at_ms"], None, "bad", Words("事件", "Incident"), f"{each['incident_id']} · {each['summary']}"
        )
        for each in record.incidents
    ]
    entries += [_reject(each) for each in record.rejects]
    return sorted(entries, key=lambda entry: (entry.at_ms, entry.title.en, entry.text))


def finding_name(code: str) -> Words:
    """What a finding is called."""
    text = FINDING_TEXTS[_CODES[code]]
    return Words(text.zh.name, text.en.name)


def _finding(shown: Shown) -> Entry:
    name = finding_name(shown.code)
    title = name if shown.is_decided else Words(f"无法判定：{name.zh}", f"Undecided: {name.en}")
    return Entry(shown.first_ms, shown.last_ms, "warning" if shown.is_decided else "calm", title, f"× {shown.samples}")


def _alert(alert: Mapping[str, Any]) -> Entry:
    name = finding_name(alert["finding"])
    title = Words(f"告警：{name.zh}", f"Alert: {name.en}")
    return Entry(alert["opened_at_ms"], alert["closed_at_ms"], "bad", title, alert["alert_id"])


def _directive(directive: Mapping[str, Any]) -> Iterator[Entry]:
    kind, number = DIRECTIVES[directive["kind"]], directive["directive_id"]
    title = Words(f"指令：{kind.zh}", f"Directive: {kind.en}")
    yield Entry(directive["issued_at_ms"], None, "busy", title, f"{number} · {directive['reason']}")
    for answer in directive["answers"]:
        reply = REPLIES[answer["reply"]]
        said = Words(f"应答：{reply.zh}", f"Answer: {reply.en}")
        yield Entry(answer["received_at_ms"], None, "calm", said, f"{number} {answer['detail']}")
    for name, tone, words in (
        ("complied_at_ms", "good", Words("已执行指令", "Complied with")),
        ("overdue_at_ms", "bad", Words("逾期未执行", "Overdue")),
        ("settled_at_ms", "calm", Words("指令了结", "Settled")),
    ):
        if directive[name] is not None:
            yield Entry(directive[name], None, tone, words, number)


def _reject(reject: Mapping[str, Any]) -> Entry:
    title = Words("报文未采信", "Message not believed")
    return Entry(reject["first_received_ms"], None, "calm", title, f"{reject['reason']} · {reject['detail']}")
