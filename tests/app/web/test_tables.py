"""Tables: what the query asks for, the links that ask, and the files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import Integer, String, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.datastructures import MultiDict

from app.settings import Locale
from app.web import language
from app.web.tables import Column, DatabaseRows, ExportFormat, Filter, Kind, Listing, Table, export, listing
from app.web.tables.export import harmless
from app.web.tables.rows import Ask

NOON_MS = 1_800_000_000_000  # 2027-01-15 16:00 in Shenzhen


@dataclass(frozen=True, slots=True)
class Car:
    name: str
    state: str = "active"
    mass_kg: float | None = 1_000.0
    seen_ms: int | None = NOON_MS
    until: date | None = date(2027, 3, 1)


COLUMNS: list[Column[Car]] = [
    Column(
        "name", "Name", lambda car: car.name, link=lambda car: f"/cars/{car.name}", note=lambda car: f"N {car.name}"
    ),
    Column("state", "State", lambda car: car.state, kind=Kind.BADGE),
    Column("mass", "Mass", lambda car: car.mass_kg, kind=Kind.NUMBER, unit="kg", decimals=1),
    Column("seen", "Seen", lambda car: car.seen_ms, kind=Kind.WHEN),
    Column("until", "Until", lambda car: car.until, kind=Kind.DAY, sort=False),
]
STATES = Filter[Car]("state", "State", [("active", "Active"), ("retired", "Retired")])
HEAVY = Filter[Car]("heavy", "Heavy", [("1", "Yes")], matches=lambda car, _: (car.mass_kg or 0) > 1_000)


def cars(rows: Sequence[Car], **changes: Any) -> Table[Car]:
    values: dict[str, Any] = {"filters": [STATES, HEAVY], "order": "name", "page_size": 2}
    return Table("cars", "Cars", COLUMNS, rows, **(values | changes))


FLEET = [
    Car("前海"),
    Car("安阳", mass_kg=1_500.0),
    Car("B2", "retired"),
    Car("a1", mass_kg=None),
    Car("a10", mass_kg=2.25),
]


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    app = Flask(__name__)
    language.install(app, Locale.ENGLISH)
    with app.test_request_context("/cars", headers={"Accept-Language": "en"}):
        yield


def shown(table: Table[Any], query: str = "") -> Listing:
    return listing(
        table, MultiDict((name, value) for name, values in parse_qs(query).items() for value in values), "/cars"
    )


def names(table: Table[Any], query: str = "") -> list[str]:
    return [row[0].text for row in shown(table, query).rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["a1", "a10", "B2", "安阳", "前海"]),
        ("sort=-name", ["前海", "安阳", "B2", "a10", "a1"]),
        ("sort=mass", ["a10", "前海", "B2", "安阳", "a1"]),
        ("sort=-mass", ["安阳", "前海", "B2", "a10", "a1"]),
        ("sort=until", ["a1", "a10", "B2", "安阳", "前海"]),
        ("sort=nonsense%27--", ["a1", "a10", "B2", "安阳", "前海"]),
    ],
)
def test_rows_come_in_the_wanted_order_and_those_without_a_value_last(query: str, expected: list[str]) -> None:
    assert names(cars(FLEET, page_size=50), query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=A1", ["a1", "a10"]),
        ("q=retired", ["B2"]),
        ("q=1,500", ["安阳"]),
        ("q=n b2", ["B2"]),
        ("q=%", []),
        ("state=retired", ["B2"]),
        ("state=stolen", ["a1", "a10", "B2", "安阳", "前海"]),
        ("heavy=1", ["安阳"]),
        ("heavy=1&state=retired", []),
    ],
)
def test_search_and_filters_leave_what_matches(query: str, expected: list[str]) -> None:
    assert names(cars(FLEET, page_size=50), query) == expected


def test_pages_are_cut_and_linked_and_keep_the_rest_of_the_query() -> None:
    second = shown(cars(FLEET), "page=2&sort=-name&q=&other=kept")
    assert [row[0].text for row in second.rows] == ["B2", "a10"]
    assert (second.total, second.first, second.last) == (5, 3, 4)
    assert second.previous_url == "/cars?sort=-name&other=kept"
    assert second.next_url == "/cars?sort=-name&other=kept&page=3"
    assert [(page.number, page.is_current) for page in second.pages] == [(1, False), (2, True), (3, False)]


@pytest.mark.parametrize(("page", "first"), [("0", 1), ("-3", 1), ("99", 5), ("x", 1), ("9" * 40, 5)])
def test_a_page_that_is_not_there_is_the_nearest(page: str, first: int) -> None:
    assert shown(cars(FLEET), f"page={page}").first == first


def test_many_pages_leave_gaps() -> None:
    table = cars([Car(f"{number:03d}") for number in range(100)], page_size=5)
    assert [page.number for page in shown(table, "page=10").pages] == [1, 0, 8, 9, 10, 11, 12, 0, 20]


def test_headings_say_how_they_sort_and_turn_around() -> None:
    headings = {heading.title: heading for heading in shown(cars(FLEET), "sort=mass&page=2&state=active").headings}
    assert headings["Mass (kg)"].order == "ascending"
    assert parse_qs(urlsplit(headings["Mass (kg)"].sort_url).query) == {"sort": ["-mass"], "state": ["active"]}
    assert headings["Name"].order == "none"
    assert parse_qs(urlsplit(headings["Name"].sort_url).query)["sort"] == ["name"]
    assert (headings["Until"].order, headings["Until"].sort_url) == ("", "")


def test_cells_are_worded_for_people() -> None:
    row = shown(cars([Car("a", mass_kg=1234.56)])).rows[0]
    assert [cell.text for cell in row] == ["a", "Active", "1,234.6", "2027-01-15 16:00:00", "2027-03-01"]
    assert (row[0].link, row[0].note) == ("/cars/a", "N a")


def test_two_tables_on_one_page_do_not_hear_each_others_wishes() -> None:
    table = cars(FLEET, prefix="fleet_", page_size=50)
    assert names(table, "sort=-name&q=nothing") == ["a1", "a10", "B2", "安阳", "前海"]
    assert names(table, "fleet_sort=-name&fleet_state=retired") == ["B2"]


def test_clearing_forgets_search_and_filters_only() -> None:
    filtered = shown(cars(FLEET), "q=a&state=active&sort=-name")
    assert filtered.is_filtered
    assert filtered.clear_url == "/cars?sort=-name"
    assert (filtered.sorts.name, filtered.sorts.chosen) == ("sort", "-name")
    assert filtered.kept == []


# --- files ---


def csv_rows(table: Table[Any], query: str = "") -> list[list[str]]:
    ask = table.ask(MultiDict(parse_qs(query)))
    data = export(table, ask, ExportFormat.CSV).get_data()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def xlsx_cells(table: Table[Any]) -> list[tuple[Any, ...]]:
    data = export(table, table.ask(MultiDict()), ExportFormat.XLSX).get_data()
    return list(load_workbook(io.BytesIO(data)).active.iter_rows())


def xlsx_rows(table: Table[Any]) -> list[tuple[Any, ...]]:
    return [tuple(cell.value for cell in row) for row in xlsx_cells(table)]


def test_csv_has_every_filtered_row_and_says_its_time_zone() -> None:
    rows = csv_rows(cars(FLEET), "state=active&page=2")
    assert rows[0] == ["Name", "State", "Mass (kg)", "Seen (UTC+8)", "Until"]
    assert [row[0] for row in rows[1:]] == ["a1", "a10", "安阳", "前海"]
    assert rows[1] == ["a1", "Active", "", "2027-01-15 16:00:00", "2027-03-01"]
    assert rows[3][2] == "1500.0"


def test_xlsx_has_numbers_times_and_days_as_such() -> None:
    rows = xlsx_rows(cars([Car("安阳", mass_kg=1_500.5)]))
    assert rows[0] == ("Name", "State", "Mass (kg)", "Seen (UTC+8)", "Until")
    assert rows[1] == ("安阳", "Active", 1500.5, datetime(2027, 1, 15, 16), datetime(2027, 3, 1))  # noqa: DTZ001 -- sheets know no zones


def test_a_column_may_be_for_the_file_alone_and_is_searched_too() -> None:
    plate = Column[Car]("plate", "Plate", lambda car: f"粤B-{car.name}", exported_only=True)
    table = Table("cars", "Cars", [*COLUMNS, plate], FLEET)
    assert [heading.title for heading in shown(table).headings][-1] == "Until"
    assert csv_rows(table)[1][-1] == "粤B-前海"
    assert names(table, "q=粤b-b2") == ["B2"]
    assert names(table, "sort=-plate") == names(table)


FORMULAS = [
    '=HYPERLINK("http://evil.example")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_neutralised_in_either_file(text: str) -> None:
    assert csv_rows(cars([Car(text)]))[1][0] == "'" + text
    cell = xlsx_cells(cars([Car(text)]))[1][0]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert cell.value == text.replace("\r", "\n")  # XML knows one line break


def test_a_sheet_shows_numbers_as_the_page_does_and_keeps_them_whole() -> None:
    mass = xlsx_cells(cars([Car("A1", mass_kg=0.8914477)]))[1][2]
    assert (mass.value, mass.number_format) == (0.8914477, "0.0")


@pytest.mark.parametrize("text", ["-5", "+8.25", "12", "a=b", "粤B-12345", ""])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_what_a_sheet_cannot_hold_is_left_out() -> None:
    assert xlsx_rows(cars([Car("a\x00b\x0bc")]))[1][0] == "abc"


def test_the_download_has_a_name_and_a_length() -> None:
    answer = export(cars(FLEET), cars(FLEET).ask(MultiDict()), ExportFormat.CSV)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cars.csv"'
    assert answer.content_length == len(answer.get_data())


# --- rows in the database ---


class Base(DeclarativeBase):
    pass


class Entry(Base):
    __tablename__ = "entries"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    text: Mapped[str] = mapped_column(String)
    weight: Mapped[int | None]


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        weights = [3, None, 1, 3, 2]
        session.add_all(
            Entry(id=n, text=text, weight=weights[n]) for n, text in enumerate(["a", "b%", "c_", "Ab", "e"])
        )
        session.flush()
        yield session
    engine.dispose()


def entries(session: Session) -> Table[Entry]:
    return Table(
        "entries",
        "Entries",
        [Column("text", "Text", lambda e: e.text), Column("weight", "Weight", lambda e: e.weight, kind=Kind.NUMBER)],
        DatabaseRows(
            session,
            select(Entry),
            tiebreak=Entry.id,
            sort={"weight": Entry.weight},
            search=[Entry.text],
            where={"light": lambda value: Entry.weight < int(value)},
        ),
        filters=[Filter("light", "Light", [("3", "below 3")])],
        order="weight",
        page_size=2,
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["c_", "e"]),
        ("page=2", ["a", "Ab"]),
        ("page=3", ["b%"]),
        ("sort=-weight", ["Ab", "a"]),
        ("sort=text", ["c_", "e"]),
        ("q=A", ["a", "Ab"]),
        ("q=%25", ["b%"]),
        ("q=_", ["c_"]),
        ("q=' OR 1=1 --", []),
        ("light=3", ["c_", "e"]),
        ("light=9", ["c_", "e"]),
    ],
)
def test_the_database_sorts_searches_and_cuts(session: Session, query: str, expected: list[str]) -> None:
    assert names(entries(session), query) == expected


def test_only_columns_that_the_database_can_order_are_offered(session: Session) -> None:
    assert [heading.order for heading in shown(entries(session)).headings] == ["", "ascending"]


def test_a_table_in_the_database_is_exported_whole(session: Session) -> None:
    assert [row[0] for row in csv_rows(entries(session))[1:]] == ["c_", "e", "a", "Ab", "b%"]
    assert shown(entries(session), "light=3").total == 2


def test_what_the_database_sorts_by_is_a_column(session: Session) -> None:
    """PostgreSQL refuses ORDER BY NULL, which SQLite takes."""
    source = DatabaseRows(session, select(Entry).order_by(Entry.id), tiebreak=Entry.id, sort={"weight": Entry.weight})
    statements: list[str] = []
    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", lambda _c, _cursor, statement, *_rest: statements.append(statement))
    assert len(list(source.rows(Ask(sort="weight")))) == 5
    assert "ORDER BY entries.weight" in statements[-1]
