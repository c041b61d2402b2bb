"""Files as operators send them, and as attackers would."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from openpyxl import Workbook

HEADER = ("kind", "vehicle_id", "make", "model", "vin", "automation_level", "insured_sum_cny", "insured_until")
GOOD = ("road", "C-1", "北汽", "αT", "1M8GDM9AXKP042788", "4", "5000000", "2027-12-31")
GOOD_TOO = ("road", "C-2", "北汽", "αT", "11111111111111111", "L4", "5,000,000", "2027/12/31")
CHINESE_HEADER = ("类型", "车辆编号", "品牌", "型号", "车架号", "自动化等级", "保额(元)", "保险到期日")


def csv_text(*rows: Sequence[str], delimiter: str = ",") -> str:
    def cell(text: str) -> str:
        return f'"{text}"' if delimiter in text else text

    return "".join(delimiter.join(cell(text) for text in row) + "\r\n" for row in rows)


def workbook(*rows: Sequence[object]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))  # type: ignore[union-attr]  # a new book has an active sheet
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """A workbook with one part replaced or added."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info.filename, old.read(info.filename))
        new.writestr(name, part)
    return file.getvalue()


def sheet_xml(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("xl/worksheets/sheet1.xml")
