"""The files that make up an OME-TIFF image together."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from czcheck.errors import CzcheckError
from czcheck.images.decoders import opened

_NAMED = re.compile(r'\b(?:FileName|MetadataFile)\s*=\s*(?:"([^"<]*)"|\'([^\'<]*)\')')


def files_beside(path: Path) -> frozenset[Path]:
    """Files beside an OME-TIFF that belong to the same image.

    Args:
        path: The TIFF file.

    Returns:
        Those that it names and that exist; none for a file that is no OME-TIFF.
    """
    import tifffile  # noqa: PLC0415 - slow, and only where there is a TIFF

    try:
        with opened(path), tifffile.TiffFile(path) as file:
            first = file.pages.first
            text = first.description if first.is_ome else ""
    except CzcheckError:
        return frozenset()
    names = {unescape(double or single) for double, single in _NAMED.findall(text)}
    # A set lies in one folder: names of other folders are refused when the image is opened.
    found = (path.parent / name for name in names if name == Path(name).name)
    return frozenset(each for each in found if each.is_file())
