"""What happened in a bundle's window, one thing after the other, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.documents.wording import Words
from app.evidence.content import Content
from app.evidence.findings import Shown, shown_by
from app.evidence.wording import CONCERNS, DIRECTIVES, REPLIES, SANCTIONS
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
    """Findings, alerts, directives with their answers, and whatever else the record tells, in the order of time."""
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
    entries += [_encounter(each) for each in record.encounters]
    for emergency in record.emergencies:
        entries += _emergency(emergency)
    for sanction in record.sanctions:
        entries += _sanction(sanction)
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


def _encounter(encounter: Mapping[str, Any]) -> Entry:
    title = Words("与其他航空器过近", "Too close to another aircraft")
    distance = f"{encounter['closest_horizontal_m']:.0f} m"
    if encounter["closest_vertical_m"] is not None:
        distance += f" ↔ · {encounter['closest_vertical_m']:.0f} m ↕"
    text = f"{encounter['other']} · {distance}" if encounter["other"] else distance
    return Entry(encounter["began_ms"], encounter["last_seen_ms"], "bad", title, text)


def _emergency(emergency: Mapping[str, Any]) -> Iterator[Entry]:
    number, concern = emergency["number"], CONCERNS[emergency["concern"]]
    lasted = (emergency["declared_at_ms"], emergency["ended_at_ms"])
    yield Entry(*lasted, "bad", Words("紧急围栏", "Emergency geofence"), f"{number} · {emergency['reason']}")
    told = Words(f"已通知车辆：{concern.zh}", f"Told of the emergency: {concern.en}")
    yield Entry(emergency["told_at_ms"], None, "busy", told, f"{number} · {emergency['directive']}")
    if emergency["entered_at_ms"] is not None:
        entered = Words("首次出现在紧急围栏内", "First seen inside of the emergency geofence")
        yield Entry(emergency["entered_at_ms"], None, "bad", entered, number)


def _sanction(sanction: Mapping[str, Any]) -> Iterator[Entry]:
    step, number = SANCTIONS[sanction["step"]], f"{sanction['sanction_id']} · {sanction['permit']}"
    for name, tone, done in (
        ("opened_at_ms", "calm", Words("提出", "proposed")),
        ("noticed_at_ms", "calm", Words("已告知", "notice served")),
        ("decided_at_ms", "warning", Words("已决定", "decided")),
        ("appealed_at_ms", "calm", Words("已申诉", "appealed against")),
        ("ruled_at_ms", "warning", Words("申诉已裁决", "ruled upon")),
    ):
        if sanction[name] is not None:
            title = Words(f"处罚（{step.zh}）：{done.zh}", f"Sanction ({step.en.lower()}): {done.en}")
            yield Entry(sanction[name], None, tone, title, f"{number} · {sanction['reason']}")


def _reject(reject: Mapping[str, Any]) -> Entry:
    title = Words("报文未采信", "Message not believed")
    return Entry(reject["first_received_ms"], None, "calm", title, f"{reject['reason']} · {reject['detail']}")
