"""Opening image files by what they are."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from czcheck.errors import UsageError
from czcheck.images.czi import CziImage
from czcheck.images.decoders import damaged, extra
from czcheck.images.file_image import Selections
from czcheck.images.image import Image
from czcheck.images.png import PngImage
from czcheck.images.selection import Selection
from czcheck.images.tiff import TiffImage

# First bytes of the formats; where those of a damaged file say nothing, its name does.
_BEGINNINGS = {
    b"\x89PNG": "png",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"ZISRAWFILE": "czi",
}
_ENDINGS = {
    "png": (".png",),
    "tiff": (".tif", ".tiff"),
    "czi": (".czi",),
    "zarr": (".zarr",),
}


def open_image(
    path: str | Path,
    *,
    scene: Selection = None,
    channel: Selection = None,
    time: Selection = None,
    z: Selection = None,
    numbers: bool = False,
    allow_missing: bool = False,
) -> Image:
    """Open an image file.

    Selections are numbers, names, lists of both, or texts such as `0,2`, `1-3` and `DAPI`;
    without one all are taken. Numbers begin with 0; scenes, times and sections of a CZI have those
    of the file. Channels come in the order in which they are selected. Of a single
    colour channel `Red`, `Green` and `Blue` can be selected.

    Args:
        path: The file; of a Zarr store the folder.
        scene: Scenes.
        channel: Channels.
        time: Points in time.
        z: Sections.
        numbers: Whether a palette's numbers are wanted, not its colours; see `Selections`.
        allow_missing: Whether to read an image of which the file does not hold all selected
            pixels: they are 0, and `Image.missing` names them.

    Raises:
        UsageError: No such file, a file of another kind, a selection that matches nothing, or an
            extra that is not installed.
        InputError: The file is damaged, too large, lacks pixels, or has pixels that the format
            does not know.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"{path}: no such image")
    return _reader(path)(path, Selections(scene, channel, time, z, numbers, allow_missing))


def _reader(path: Path) -> Callable[[Path, Selections], Image]:
    kind = _kind(path)
    if kind == "png":
        return PngImage
    if kind == "zarr":
        if find_spec("zarr") is None:
            raise extra(path, "Zarr", "zarr (and Python 3.11)")
        from czcheck.images.zarr_image import ZarrImage  # noqa: PLC0415 - not everybody has zarr

        return ZarrImage
    if kind == "czi":
        return CziImage
    return TiffImage


def _kind(path: Path) -> str:
    """The format of a file, by its content."""
    if path.is_dir():
        if any((path / name).exists() for name in ("zarr.json", ".zgroup", ".zarray")):
            return "zarr"
        if path.suffix.lower() == ".zarr":
            raise damaged(path, "", "the folder is no Zarr store")
        raise UsageError(f"{path}: the folder is no image; name the images in it")
    if not path.is_file():
        raise UsageError(f"{path}: no file")
    with path.open("rb") as file:
        start = file.read(16)
    for beginning, kind in _BEGINNINGS.items():
        if start.startswith(beginning):
            return kind
    for kind, endings in _ENDINGS.items():
        if path.suffix.lower() in endings:
            raise damaged(path, "", f"it does not begin as a {kind.upper()} does")
    known = ", ".join(ending for endings in _ENDINGS.values() for ending in endings)
    raise UsageError(f"{path}: cannot be read as an image; name a {known} file")
