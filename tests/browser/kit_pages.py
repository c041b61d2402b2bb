"""Pages that show every part of the kit, for the tests alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, flash, jsonify, render_template_string, request

from app.web import access
from app.web.tables import Column, Filter, Kind, Table, table_answer

TEMPLATES = Path(__file__).parent / "templates"
NOW_MS = 1_800_000_000_000
HOSTILE = "<script>alert(1)</script>"


@dataclass(frozen=True, slots=True)
class Form:
    """What app.web.forms.Form shows to templates."""

    values: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    general: str = ""


@dataclass(frozen=True, slots=True)
class Car:
    """A row of the demonstration table."""

    number: int
    name: str
    state: str
    distance_km: float | None


STATES = ("active", "suspended", "retired")
CARS = [
    Car(
        number,
        f"前海 {number:03d} {HOSTILE if number == 7 else ''}",
        STATES[number % 3],
        None if number % 11 == 0 else number * 37.5,
    )
    for number in range(1, 61)
]


def cars_table() -> Table[Car]:
    return Table(
        name="cars",
        caption="车辆",
        columns=[
            Column("name", "名称", lambda car: car.name, link=lambda car: f"/kit/forms?car={car.number}"),
            Column("state", "状态", lambda car: car.state, kind=Kind.BADGE),
            Column("distance", "里程", lambda car: car.distance_km, kind=Kind.NUMBER, unit="km", decimals=1),
            Column(
                "code",
                "编号",
                lambda car: f"QH-{car.number:04d}",
                kind=Kind.CODE,
                note=lambda car: f"第 {car.number} 台",
            ),
            Column("seen", "最后更新", lambda car: NOW_MS - car.number * 3_600_000, kind=Kind.WHEN),
        ],
        rows=CARS,
        filters=[Filter("state", "状态", [("active", "正常"), ("suspended", "暂停"), ("retired", "退役")])],
        order="-seen",
        page_size=10,
    )


def install(app: Flask) -> None:
    """Add the pages to an app, open to everybody. `access.PUBLIC` is restored by the caller."""
    pages = Blueprint("kit", __name__, url_prefix="/kit", template_folder=str(TEMPLATES))

    @pages.get("/table")
    def table() -> Response | str:
        return table_answer(cars_table(), "kit_table.html")

    @pages.get("/forms")
    def forms() -> str:
        values = {"name": HOSTILE, "zones": ["3", "5"], "stage": "road_test", "starts": NOW_MS, "agree": True}
        problems = {"name": "名称太长。", "zones": "请至少选择一条道路。", "stage": "请选择阶段。"}
        form = Form(values, problems, "") if "wrong" in request.args else Form(values)
        return render_template_string((TEMPLATES / "kit_forms.html").read_text("utf-8"), form=form)

    @pages.get("/parts")
    def parts() -> str:
        if "flash" in request.args:
            flash("已保存。")
            flash("保险将于 10 天后到期。", "warning")
        return render_template_string((TEMPLATES / "kit_parts.html").read_text("utf-8"), now_ms=NOW_MS, hostile=HOSTILE)

    @pages.get("/work")
    def work() -> Response:
        return jsonify(state="done", done=10, total=10, text="完成", next="")

    app.register_blueprint(pages)


ENDPOINTS = frozenset({"kit.table", "kit.forms", "kit.parts", "kit.work"})


def with_endpoints() -> frozenset[str]:
    return access.PUBLIC | ENDPOINTS
