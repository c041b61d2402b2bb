"""The columns of an import of vehicles: their names in English and Chinese, and how their cells are read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from app.imports.sheets import Sheet, UnreadableFile
from app.schemas.vehicles import VehicleDetails

#: Every field with its heading in English and Chinese, in the order of the template.
VEHICLE_COLUMNS: Mapping[str, tuple[str, str]] = {
    "kind": ("Kind", "类型"),
    "vehicle_id": ("Vehicle ID", "车辆编号"),
    "make": ("Make", "品牌"),
    "model": ("Model", "型号"),
    "vin": ("VIN", "车架号"),
    "plate": ("Plate", "车牌号"),
    "automation_level": ("Automation level", "自动化等级"),
    "registration_mark": ("Registration mark", "登记号"),
    "serial_number": ("Serial number", "序列号"),
    "aircraft_type": ("Aircraft type", "航空器型别"),
    "max_takeoff_mass_kg": ("Max take-off mass (kg)", "最大起飞重量(kg)"),
    "remote_id": ("Remote ID", "远程识别码"),
    "sensors": ("Sensors", "传感器"),
    "software_version": ("Software version", "软件版本"),
    "insurer": ("Insurer", "保险公司"),
    "insurance_policy": ("Policy number", "保单号"),
    "insured_sum_cny": ("Insured sum (CNY)", "保额(元)"),
    "insured_until": ("Insured until", "保险到期日"),
}
_KINDS = {
    "道路": "road",
    "汽车": "road",
    "车辆": "road",
    "car": "road",
    "低空": "air",
    "航空器": "air",
    "aircraft": "air",
}
_THOUSANDS = re.compile(r"\d{1,3}([,，]\d{3})+(\.0+)?")
_SLASHED_DAY = re.compile(r"(\d{4})[/.年](\d{1,2})[/.月](\d{1,2})日?")
_LEVEL = re.compile(r"[Ll]([0-9])级?")


def heading(name: str) -> str:
    """A heading as it is compared: without units, spaces, case and the width of letters."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_\-*]|\(.*?\)", "", text)


def _by_heading() -> dict[str, str]:
    return {heading(name): field for field, names in VEHICLE_COLUMNS.items() for name in (field, *names)}


HEADINGS: Mapping[str, str] = _by_heading()
assert set(VEHICLE_COLUMNS) == set(VehicleDetails.model_fields)


def fields_of(sheet: Sheet) -> list[str]:
    """The field of each column. Raises UnreadableFile for an unknown, doubled or missing heading."""
    fields = []
    for name in sheet.header:
        field = HEADINGS.get(heading(name))
        if field is None:
            raise UnreadableFile(f"unknown column {name!r}", code="file_unknown_column", name=name[:100])
        if field in fields:
            raise UnreadableFile(f"column {name!r} is there twice", code="file_column_twice", name=name[:100])
        fields.append(field)
    for field in ("kind", "vehicle_id"):
        if field not in fields:
            names = " / ".join(VEHICLE_COLUMNS[field])
            raise UnreadableFile(f"the column {names} is missing", code="file_column_missing", name=names)
    return fields


def cell_text(field: str, text: str) -> str:
    """A cell as its schema reads it: words of spreadsheets for kinds, levels, sums and days."""
    if field == "kind":
        return _KINDS.get(text.casefold(), text.casefold())
    if field == "automation_level" and (level := _LEVEL.fullmatch(text)):
        return level[1]
    if field in {"insured_sum_cny", "max_takeoff_mass_kg"} and _THOUSANDS.fullmatch(text):
        return text.replace(",", "").replace("，", "").partition(".")[0]
    if field == "insured_until" and (day := _SLASHED_DAY.fullmatch(text)):
        return f"{day[1]}-{int(day[2]):02d}-{int(day[3]):02d}"
    return text
