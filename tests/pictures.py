"""Screenshots small enough for a repository."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

#: Half of a picture's palette.
_COLOURS = 128


def save_small(png: bytes, path: Path) -> None:
    """With a palette: half of it the most frequent colours as they are, half for what is rare, such as alerts."""
    with Image.open(io.BytesIO(png)) as image:
        _reduced(image.convert("RGB")).save(path, optimize=True)


def _reduced(image: Image.Image) -> Image.Image:
    counted = sorted(image.getcolors(image.width * image.height) or (), reverse=True)
    frequent = [part for _, colour in counted[:_COLOURS] for part in colour]  # type: ignore[union-attr]  # of RGB: a tuple
    rare = image.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(frequent + rare[: 3 * _COLOURS])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)
