"""Texts in PNG files: what a file was made of, and what its numbers mean."""

from __future__ import annotations

from collections.abc import Mapping

from PIL.PngImagePlugin import PngInfo

from czcheck.text import printable


def png_texts(texts: Mapping[str, str]) -> PngInfo:
    """Texts for Pillow to write, in front of the pixels.

    Args:
        texts: By keyword: Latin letters, at most 79.
    """
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_itxt(keyword, printable(text))
    return info
