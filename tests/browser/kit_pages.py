"""Pages that show every part of the kit, for the tests alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Blueprint, Flask, Response, flash, render_template, request

from app.web import access
from app.web.forms import Form
from app.web.tables import Column, Filter, Kind, Table, table_answer
from tests.app.web.cast import small_city
from tests.browser.serving import serving

TEMPLATES = Path(__file__).parent / "templates"
NOW_MS = 1_800_000_000_000
HOSTILE = "<script>alert(1)</script>"


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
    """Add the pages to an app; the gate still has to let them through."""
    pages = Blueprint("kit", __name__, url_prefix="/kit", template_folder=str(TEMPLATES))

    @pages.get("/table")
    def table() -> Response | str:
        return table_answer(cars_table(), "kit_table.html")

    @pages.get("/forms")
    def forms() -> str:
        values = {"name": HOSTILE, "zones": ["3", "5"], "stage": "road_test", "starts": NOW_MS, "agree": True}
        problems = {"name": "名称太长。", "zones.1": "这条道路已停用。", "stage": "请选择阶段。"}
        form = Form(values, problems, "") if "wrong" in request.args else Form(values)
        return render_template("kit_forms.html", form=form)

    @pages.get("/parts")
    def parts() -> str:
        if "flash" in request.args:
            flash("已保存。")
            flash("保险将于 10 天后到期。", "warning")
        return render_template("kit_parts.html", now_ms=NOW_MS, hostile=HOSTILE)

    app.register_blueprint(pages)


@contextmanager
def kit_pages(home: Path) -> Iterator[str]:
    """The address of a server that has the pages, open to everybody, beside all others."""
    with pytest.MonkeyPatch.context() as patch, small_city(home) as city:
        install(city.app)
        patch.setattr(access, "PUBLIC", access.PUBLIC | {f"kit.{name}" for name in ("table", "forms", "parts")})
        with serving(city.app) as url:
            yield url
