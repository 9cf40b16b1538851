"""Texts in PNG files: what a file was made of, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from czcheck.text import printable

if TYPE_CHECKING:
    from PIL.PngImagePlugin import PngInfo


def png_texts(texts: Mapping[str, str]) -> PngInfo:
    """Texts for Pillow to write, in front of the pixels.

    Args:
        texts: By keyword: Latin letters, at most 79.
    """
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415

    info = PngInfo()
    for keyword, text in texts.items():
        info.add_itxt(keyword, printable(text))
    return info
