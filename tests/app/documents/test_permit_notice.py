from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
import segno
from pypdf import PdfReader

from app.documents.paper import qr_modules
from app.documents.permit_notice import Listed, PermitNotice, notice_pdf
from app.documents.wording import DECISIONS, MODES, OFFICERS, STAGES, STANDINGS, Words, condition_terms, hours
from app.models import Stage
from app.schemas.permits import Standing
from app.services.conditions import Conditions
from app.services.permit_life import Decision
from geofences.schedule import Schedule
from telemetry.samples import Mode, SafetyOfficer

URL = "https://pilots.example.cn/verify/QH-2026-0001"
A4_POINTS = (595, 842)
NOTHING = Words("无", "none")
NOTICE = PermitNotice(
    number="QH-2026-0001",
    revision=3,
    standing=Standing.ISSUED,
    standing_words=STANDINGS[Standing.ISSUED],
    facts=[(Words("持有人", "Holder"), Words("北方智行", "North Mobility"))],
    terms=condition_terms(Conditions(speed_cap_mps=15.0, vehicles_per_remote_officer=3)),
    lists=[
        Listed(Words("车辆", "Vehicles"), [("N-1", "粤B·12345")], NOTHING),
        Listed(Words("人员", "People"), [], Words("所有合格人员", "everyone qualified")),
    ],
    authority=Words("前海管理局", "Qianhai Authority"),
    signed_on="2026-01-01",
    printed_at="2026-03-01 12:00 (UTC+8)",
    printed_at_ms=1_772_337_600_000,
    url=URL,
)


def read(notice: PermitNotice) -> tuple[PdfReader, str]:
    """The document and all its text, without spaces; pypdf shows both bytes of this font's codes."""
    reader = PdfReader(BytesIO(notice_pdf(notice)))
    return reader, "".join(page.extract_text() for page in reader.pages).translate(dict.fromkeys(map(ord, "\0 \n")))


def test_the_notice_says_everything_in_both_languages() -> None:
    reader, text = read(NOTICE)
    for words in (
        *("QH-2026-0001", "北方智行", "NorthMobility", "54公里/小时", "54km/h", "粤B·12345", "前海管理局"),
        *("QianhaiAuthority", "有效", "INFORCE", "everyonequalified", "2026-01-01", URL, "revision3"),
    ):
        assert words in text, words
    box = reader.pages[0].mediabox
    assert (round(box.width), round(box.height)) == A4_POINTS
    assert reader.metadata is not None
    assert reader.metadata.title is not None
    assert reader.metadata.title.startswith("QH-2026-0001")


def test_the_font_is_embedded_as_a_subset() -> None:
    document = notice_pdf(NOTICE)
    assert len(document) < 200_000
    fonts = PdfReader(BytesIO(document)).pages[0]["/Resources"]["/Font"]
    names = [font.get_object()["/BaseFont"] for font in fonts.values()]
    assert all("+Noto" in name for name in names), names


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.ISSUED])
def test_a_notice_of_a_permit_that_is_not_in_force_says_so_in_large_letters(standing: Standing) -> None:
    words = STANDINGS[standing]
    _, text = read(replace(NOTICE, standing=standing, standing_words=words))
    assert words.zh in text
    assert words.en.upper().replace(" ", "") in text
    assert "Nothingmaybeoperated" in text


def test_long_lists_go_on_over_pages_with_their_numbers() -> None:
    many = Listed(Words("车辆", "Vehicles"), [(f"N-{index}", "粤B") for index in range(120)], NOTHING)
    reader, text = read(replace(NOTICE, lists=[many]))
    assert len(reader.pages) >= 3
    assert "N-119" in text
    assert f"{len(reader.pages)}/{len(reader.pages)}" in text


def test_the_qr_code_is_that_of_the_address() -> None:
    expected = segno.make(URL, error="m", micro=False)
    assert qr_modules(URL) == [[bool(module) for module in row] for row in expected.matrix]
    dark = sum(map(sum, qr_modules(URL)))
    content = PdfReader(BytesIO(notice_pdf(NOTICE))).pages[0].get_contents()
    assert content is not None
    assert content.get_data().count(b" re f") >= dark


def test_characters_that_the_font_lacks_break_nothing() -> None:
    _, text = read(replace(NOTICE, facts=[(Words("持有人", "Holder"), Words("🚗 \u202e车", "Ω"))]))
    assert "持有人" in text


def test_every_member_has_words() -> None:
    for kind, words in (
        (Stage, STAGES),
        (Standing, STANDINGS),
        (Decision, DECISIONS),
        (Mode, MODES),
        (SafetyOfficer, OFFICERS),
    ):
        assert set(words) == set(kind)  # type: ignore[call-overload]  # an enumeration is iterable


@pytest.mark.parametrize(
    ("windows", "zh", "en"),
    [
        ([(["ANY"], "06:00", "22:00")], "每天 06:00–22:00", "every day 06:00–22:00"),
        ([(["MON", "TUE", "WED"], "06:00", "24:00")], "周一至周三 06:00–24:00", "Mon to Wed 06:00–24:00"),
        ([(["SAT", "SUN"], "22:00", "06:00")], "周六、周日 22:00–次日 06:00", "Sat, Sun 22:00–06:00 (next day)"),
        ([], "不得运行", "never"),
    ],
)
def test_hours_in_words(windows: list[tuple[list[str], str, str]], zh: str, en: str) -> None:
    listed = [{"days": days, "start": start, "end": end} for days, start, end in windows]
    assert hours(Schedule.from_dict({"time_zone": "Asia/Shanghai", "windows": listed})) == Words(zh, en)


def test_hours_that_follow_the_sun_in_words() -> None:
    solar = {
        "time_zone": "Asia/Shanghai",
        "position": {"lon": 113.9, "lat": 22.5},
        "windows": [{"days": ["ANY"], "start": {"event": "SR", "offset_min": -30}, "end": {"event": "SS"}}],
    }
    assert hours(Schedule.from_dict(solar)) == Words(
        "每天 日出前 30 分钟–日落", "every day 30 min before sunrise–sunset"
    )
