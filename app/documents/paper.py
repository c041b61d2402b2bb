"""An A4 sheet with a font for Chinese and English: text, rows, stamps and QR codes, by fpdf2.

Lengths are in millimetres, sizes of letters in points. The font is embedded as a subset, so that
the document reads the same everywhere; it comes from a package (Noto Sans SC, SIL Open Font License).
"""

from __future__ import annotations

from datetime import datetime
from importlib.resources import as_file, files

import segno
from fpdf import FPDF
from fpdf.enums import MethodReturnValue

from app.documents.wording import Words

Tone = tuple[int, int, int]
INK: Tone = (20, 33, 43)
MUTED: Tone = (90, 105, 115)
TEAL: Tone = (11, 107, 114)
GREEN: Tone = (23, 120, 66)
AMBER: Tone = (154, 103, 0)
RED: Tone = (179, 38, 30)
_LINE: Tone = (205, 215, 220)
_PALE: Tone = (241, 246, 247)

_FONT = "sans"
_TITLE_FONT = "serif"
_PACKAGE = "pylopdf_fonts_zh_cn"
_FILES = {_FONT: "NotoSansSC-Regular.otf", _TITLE_FONT: "NotoSerifSC-Regular.otf"}
_MARGIN_MM = 18.0
_FOOT_MM = 16.0
_NAME_SHARE = 0.3
_LEADING = 0.48  # millimetres of a line for each point of its letters
#: Quiet modules around a QR code, as ISO/IEC 18004 asks for.
_QUIET_MODULES = 4


class Paper:
    """Written from the top down; new pages begin by themselves."""

    def __init__(self, *, title: str, footer: str, made_at: datetime) -> None:
        self._pdf = _Sheet(footer)
        self._pdf.set_title(title)
        self._pdf.set_creator("Pilotage")
        self._pdf.set_lang("zh-CN")
        self._pdf.set_creation_date(made_at)
        for family, name in _FILES.items():
            with as_file(files(_PACKAGE).joinpath(name)) as path:
                self._pdf.add_font(family, fname=path)
        self._pdf.set_margins(_MARGIN_MM, _MARGIN_MM)
        self._pdf.set_auto_page_break(auto=True, margin=_FOOT_MM + 4)
        self._pdf.add_page()

    @property
    def y(self) -> float:
        """How far down the page is written."""
        return float(self._pdf.get_y())

    @y.setter
    def y(self, value: float) -> None:
        self._pdf.set_y(value)

    @property
    def width(self) -> float:
        """Between the margins."""
        return float(self._pdf.epw)

    def gap(self, height: float) -> None:
        """Leave room."""
        self._pdf.ln(height)

    def keep_together(self, height: float) -> None:
        """Begin a new page unless this much is left."""
        if self._pdf.will_page_break(height):
            self._pdf.add_page()

    def text(self, text: str, *, size: float, tone: Tone, width: float | None = None, is_title: bool = False) -> None:
        """A paragraph."""
        self._style(size, tone, _TITLE_FONT if is_title else _FONT)
        self._pdf.multi_cell(width or self.width, size * _LEADING, text, align="L", new_x="LMARGIN", new_y="NEXT")

    def rule(self) -> None:
        """A line across the page."""
        self._pdf.set_draw_color(*TEAL)
        self._pdf.set_line_width(0.6)
        self._pdf.line(_MARGIN_MM, self.y, _MARGIN_MM + self.width, self.y)

    def section(self, title: Words) -> None:
        """A heading in both languages."""
        self.gap(4)
        self.keep_together(22)
        self._style(11, TEAL)
        self._pdf.cell(text=f"{title.zh}  {title.en}", new_x="LMARGIN", new_y="NEXT", h=6)
        self.gap(1)

    def row(self, name: str, value: str) -> None:
        """A name and its value, side by side, never torn apart."""
        name_width = self.width * _NAME_SHARE
        value_width = self.width - name_width
        height = max(self._height(name, name_width, 8.5), self._height(value, value_width, 9.5)) + 2.4
        self.keep_together(height)
        top = self.y
        self._pdf.set_draw_color(*_LINE)
        self._pdf.set_line_width(0.2)
        self._pdf.line(_MARGIN_MM, top, _MARGIN_MM + self.width, top)
        self._block(name, (_MARGIN_MM, top + 1.2), name_width, size=8.5, tone=MUTED)
        self._block(value, (_MARGIN_MM + name_width, top + 1.2), value_width, size=9.5, tone=INK)
        self.y = top + height

    def stamp(self, text: str, remark: str, *, tone: Tone, size: float) -> None:
        """A state in a frame of its colour."""
        top, height = self.y, size * _LEADING + (12 if remark else 5)
        self._pdf.set_draw_color(*tone)
        self._pdf.set_line_width(1.0 if remark else 0.5)
        self._pdf.rect(_MARGIN_MM, top, self.width, height, round_corners=True, corner_radius=2)
        self._style(size, tone)
        self._pdf.set_xy(_MARGIN_MM, top + 2.5)
        self._pdf.cell(self.width, size * _LEADING, text, align="C", new_x="LMARGIN", new_y="NEXT")
        if remark:
            self._style(9, tone)
            self._pdf.cell(self.width, 6, remark, align="C")
        self.y = top + height

    def seal(self, left: str, right: str, place: str) -> None:
        """What to know on the left, who signs and where the seal goes on the right."""
        top, half, box = self.y, self.width * 0.56, 46.0
        self._block(left, (_MARGIN_MM, top), half, size=8.5, tone=MUTED)
        x = _MARGIN_MM + self.width * 0.6
        self._pdf.set_fill_color(*_PALE)
        self._pdf.set_draw_color(*_LINE)
        self._pdf.rect(x, top, self.width * 0.4, box, style="DF", round_corners=True, corner_radius=2)
        self._block(right, (x + 3, top + 3), self.width * 0.4 - 6, size=9, tone=INK)
        self._block(place, (x + 3, top + box - 8), self.width * 0.4 - 6, size=9, tone=MUTED)
        self.y = top + box

    def qr(self, content: str, *, size_mm: float) -> None:
        """A QR code at the right margin, with its quiet zone."""
        rows = qr_modules(content)
        module = size_mm / (len(rows) + 2 * _QUIET_MODULES)
        left = _MARGIN_MM + self.width - size_mm + _QUIET_MODULES * module
        top = self.y + _QUIET_MODULES * module
        self._pdf.set_fill_color(0, 0, 0)
        for row, modules in enumerate(rows):
            for column, is_dark in enumerate(modules):
                if is_dark:
                    # A hair wider than a module: no white seams between neighbours on screens.
                    self._pdf.rect(left + column * module, top + row * module, module * 1.02, module * 1.02, style="F")

    def finished(self) -> bytes:
        """The document."""
        return bytes(self._pdf.output())

    def _style(self, size: float, tone: Tone, family: str = _FONT) -> None:
        self._pdf.set_font(family, size=size)
        self._pdf.set_text_color(*tone)

    def _block(self, text: str, at: tuple[float, float], width: float, *, size: float, tone: Tone) -> None:
        self._style(size, tone)
        self._pdf.set_xy(*at)
        self._pdf.multi_cell(width, size * _LEADING, text, align="L")

    def _height(self, text: str, width: float, size: float) -> float:
        self._pdf.set_font(_FONT, size=size)
        height = self._pdf.multi_cell(
            width, size * _LEADING, text, align="L", dry_run=True, output=MethodReturnValue.HEIGHT
        )
        assert isinstance(height, float)  # it is what was asked for
        return height


def qr_modules(content: str) -> list[list[bool]]:
    """The dark modules of the QR code (error correction M), row by row."""
    return [[bool(module) for module in row] for row in segno.make(content, error="m", micro=False).matrix]


class _Sheet(FPDF):
    """Pages with a foot."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self._foot = foot

    def footer(self) -> None:
        """The document's name and the page's number."""
        self.set_y(-_FOOT_MM)
        self.set_font(_FONT, size=7.5)
        self.set_text_color(*MUTED)
        self.set_draw_color(*_LINE)
        self.set_line_width(0.2)
        self.line(_MARGIN_MM, self.get_y(), _MARGIN_MM + self.epw, self.get_y())
        self.cell(self.epw * 0.8, 6, self._foot, align="L")
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="R")
