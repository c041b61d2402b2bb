"""Spreadsheets as they really come are read; those that would do harm are not opened."""

from __future__ import annotations

import codecs
import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.imports.headings import HEADINGS, cell_text, fields_of, heading
from app.imports.reading import MAX_FILE_BYTES, read_sheet
from app.imports.sheets import MAX_ROWS, Formula, Sheet, UnreadableFile
from tests.app.imports.spreadsheets import CHINESE_HEADER, GOOD, HEADER, csv_text, sheet_xml, with_part, workbook


def read(content: bytes) -> Sheet:
    return read_sheet(content, HEADINGS)


def refusal(content: bytes) -> str:
    with pytest.raises(UnreadableFile) as caught:
        fields_of(read(content))
    return caught.value.code


@pytest.mark.parametrize("header", [HEADER, CHINESE_HEADER])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk-only", "utf-16"])
def test_csv_is_read_in_every_encoding_and_with_every_delimiter(
    header: tuple[str, ...], delimiter: str, encoding: str
) -> None:
    text = csv_text(header, tuple(cell.replace("α", "A") for cell in GOOD), delimiter=delimiter)
    sheet = read(text.encode("gbk" if encoding == "gbk-only" else encoding))
    assert fields_of(sheet) == list(HEADER)
    assert [row.line for row in sheet.rows] == [2]
    assert sheet.rows[0].cells[:3] == ("road", "C-1", "北汽")


def test_utf_16_without_its_mark_is_not_guessed() -> None:
    assert refusal(csv_text(HEADER, GOOD).encode("utf-16-le")) == "file_encoding"
    assert refusal("kind,vehicle_id".encode("utf-16-le")) == "file_no_spreadsheet"
    assert fields_of(read(codecs.BOM_UTF16_BE + csv_text(HEADER, GOOD).encode("utf-16-be"))) == list(HEADER)


def test_empty_rows_are_left_out_and_lines_stay_true() -> None:
    sheet = read(("\r\n,,\r\n" + csv_text(HEADER) + "\r\n" + csv_text(GOOD)).encode())
    assert [row.line for row in sheet.rows] == [5]


def test_a_formula_in_csv_is_text_and_in_a_workbook_a_bad_cell() -> None:
    assert read(csv_text(HEADER, ("=1+1", *GOOD[1:])).encode()).rows[0].cells[0] == "=1+1"
    assert read(workbook(HEADER, ("=1+1", *GOOD[1:]))).rows[0].cells[0] == Formula("=1+1")


def test_a_workbooks_numbers_and_days_become_text() -> None:
    row = ("road", "C-1", 7, 1.5, True, 4.0, 5_000_000, dt.datetime(2027, 12, 31))  # noqa: DTZ001 -- as sheets have it
    assert read(workbook(HEADER, row)).rows[0].cells[2:8] == ("7", "1.5", "True", "4", "5000000", "2027-12-31")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"\r\n\r\n", "file_empty"),
        (b"x" * (MAX_FILE_BYTES + 1), "file_too_large"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "file_old_excel"),
        (b"PK\x03\x04 no archive", "file_broken"),
        (b"%PDF-1.7\n\0\0", "file_no_spreadsheet"),
        (b"\xff\xfe\x00\xd8", "file_encoding"),
        (b"kind,vehicle_id\n\xff\xff\xff,1", "file_encoding"),
        (b'kind,vehicle_id\n"road,1', "file_broken"),
        (b"kind,vehicle_id,wings\nroad,1,2", "file_unknown_column"),
        (b"kind,vehicle_id,Kind\nroad,1,2", "file_column_twice"),
        (b"kind,make\nroad,1", "file_column_missing"),
        (b"kind,vehicle_id\n" + b"road,1\n" * (MAX_ROWS + 1), "file_too_many_rows"),
        (b"kind,vehicle_id\n" + b"\n" * (11 * MAX_ROWS), "file_too_many_rows"),
        (b"kind,vehicle_id\n" + b"1," * 200, "file_too_many_columns"),
        (b"kind,vehicle_id\n1," + b"x" * 20_000, "file_cell_too_long"),
    ],
)
def test_what_is_no_usable_spreadsheet_is_refused(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_the_most_rows_are_allowed() -> None:
    assert len(read(b"kind,vehicle_id\n" + b"road,1\n" * MAX_ROWS).rows) == MAX_ROWS


def test_an_archive_that_unpacks_to_too_much_is_not_opened() -> None:
    bomb = with_part(workbook(HEADER, GOOD), "xl/worksheets/sheet2.xml", b"0" * 30_000_000)
    assert len(bomb) < MAX_FILE_BYTES
    assert refusal(bomb) == "file_bomb"


def test_an_archive_of_many_parts_is_not_opened() -> None:
    content = workbook(HEADER, GOOD)
    for number in range(3):
        content = with_part(content, f"x{number}", b"0" * 1_500_000)
    assert refusal(content) == "file_bomb"


def test_xml_entities_are_not_expanded() -> None:
    content = workbook(HEADER, GOOD)
    declared = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    xml = sheet_xml(content)
    xml = declared + xml[xml.find(b"<worksheet") :].replace(b"<sheetData>", b"<sheetData>&b;")
    assert refusal(with_part(content, "xl/worksheets/sheet1.xml", xml)) in {"file_bomb", "file_broken"}


def test_a_claimed_size_and_a_row_far_below_cost_nothing() -> None:
    content = workbook(HEADER, GOOD)
    xml = sheet_xml(content).replace(b'<dimension ref="A1:H2"', b'<dimension ref="A1:XFD1048576"')
    far = xml.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData>')
    assert far != sheet_xml(content)
    assert len(read(with_part(content, "xl/worksheets/sheet1.xml", xml)).rows) == 1
    assert [row.line for row in read(with_part(content, "xl/worksheets/sheet1.xml", far)).rows] == [2]


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"])
def test_a_damaged_workbook_is_told(name: str) -> None:
    assert refusal(with_part(workbook(HEADER, GOOD), name, b"<broken")) == "file_broken"


def test_an_archive_that_is_no_workbook_is_told() -> None:
    content = with_part(b"PK\x05\x06" + b"\0" * 18, "readme.txt", b"hello")
    assert refusal(content) == "file_no_spreadsheet"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"kind,vehicle_id\n"):
        with suppress(UnreadableFile):
            fields_of(read(start + content))


def test_headings_are_known_whatever_their_case_width_and_unit() -> None:
    for name in ("VIN", "vin", " V I N ", "ＶＩＮ", "车架号"):
        assert HEADINGS[heading(name)] == "vin"
    assert HEADINGS[heading("Insured sum")] == HEADINGS[heading("保额（元）")] == "insured_sum_cny"


@pytest.mark.parametrize(
    ("field", "text", "read"),
    [
        ("kind", "道路", "road"),
        ("kind", "Air", "air"),
        ("kind", "boat", "boat"),
        ("automation_level", "L4", "4"),
        ("automation_level", "L9", "9"),
        ("automation_level", "level", "level"),
        ("insured_sum_cny", "5,000,000.00", "5000000"),
        ("insured_sum_cny", "5,0", "5,0"),
        ("insured_until", "2027/1/9", "2027-01-09"),
        ("insured_until", "2027年1月9日", "2027-01-09"),
        ("make", "2027/1/9", "2027/1/9"),
    ],
)
def test_cells_are_read_as_spreadsheets_write_them(field: str, text: str, read: str) -> None:
    assert cell_text(field, text) == read
