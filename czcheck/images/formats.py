"""Image files by their formats: opening them, creating them, telling results from images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from czcheck.errors import CzcheckError, UsageError
from czcheck.images.czi import CziImage
from czcheck.images.decoders import UnfinishedStoreError, damaged, extra
from czcheck.images.folders import images_in
from czcheck.images.image import Image
from czcheck.images.png import PngImage, PngOutput
from czcheck.images.selection import Selection, Selections
from czcheck.images.tiff import TiffImage
from czcheck.images.writer import (
    CZI_ENDINGS,
    TIFF_ENDINGS,
    ZARR_ENDINGS,
    Content,
    Writer,
    check_format,
)

# First bytes of the formats; where those of a damaged file are of no format, its name counts.
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
        numbers: Whether to read a palette's numbers, not its colours; see `Selections`.
        allow_missing: Whether to read an image of which the file lacks selected
            pixels: they are 0, and `Image.missing` names them.

    Raises:
        UsageError: No such file, a file of another kind, a selection that matches nothing, or an
            extra that is not installed.
        InputError: The file is damaged, too large, lacks pixels, or has pixels that the format
            does not know.
    """
    return open_selected(path, Selections(scene, channel, time, z, numbers, allow_missing))


def open_selected(path: str | Path, selections: Selections) -> Image:
    """Open an image file; as `open_image`, with the selections in one object."""
    path = Path(path)
    if not path.exists():
        raise UsageError(f"{path}: no such image")
    return _reader(path)(path, selections)


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


def create(path: str | Path, content: Content, *, resume: bool = False) -> Writer:
    """Begin a file or a store, of the format of its name.

    Args:
        path: `.tif` or `.tiff` (OME-TIFF), `.zarr` (OME-Zarr; also a URL of any file system that
            fsspec knows), `.czi`, `.png` (labels of one plane). Anything that stands there is
            replaced on commit.
        content: What will be written.
        resume: Whether to continue an unfinished store, if there is one; only for OME-Zarr.

    Raises:
        UsageError: A name of no known format, no such folder, nothing that can be resumed, or a
            missing extra.
        IncompleteError: It cannot be written there.
    """
    check_format(path, content.kind, len(content.planes))
    ending = Path(str(path)).suffix.lower()
    if resume and ending not in ZARR_ENDINGS:
        raise UsageError(f"{path}: only OME-Zarr can be resumed; name a .zarr store")
    if ending in TIFF_ENDINGS:
        from czcheck.images.output_tiff import TiffOutput  # noqa: PLC0415

        return TiffOutput(Path(path), content)
    if ending in CZI_ENDINGS:
        from czcheck.images.output_czi import CziOutput  # noqa: PLC0415

        return CziOutput(Path(path), content)
    if ending in ZARR_ENDINGS:
        if find_spec("ome_zarr_models") is None or find_spec("zarr") is None:
            raise extra(path, "OME-Zarr", "ome-zarr-models (and Python 3.11)")
        from czcheck.images.output_zarr import ZarrOutput  # noqa: PLC0415

        return ZarrOutput(str(path), content, resume=resume)
    return PngOutput(Path(path), content)


def is_result(path: Path) -> bool:
    """Whether czcheck wrote a file: labels, probabilities, a confidence map or an overlay.

    What cannot be read is none: opening it as an image reports why.
    """
    try:
        with open_image(path) as image:
            return bool(image.result)
    except UnfinishedStoreError:
        return True
    except CzcheckError:
        return False


def images_of(given: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The images that are given or lie in folders that are, without earlier results.

    Args:
        given: Images, and folders of them. A result that is named by itself is an image.

    Returns:
        The images, and the results that lie among those of folders.

    Raises:
        UsageError: No such path, or a folder without images.
    """
    images: list[Path] = []
    results: list[Path] = []
    for path in given:
        found = images_in(path)
        ours = [] if found == [path] else [each for each in found if is_result(each)]
        if len(ours) == len(found):
            raise UsageError(
                f"{path}: the folder holds nothing but results of czcheck; name one by itself to "
                "segment it"
            )
        images += [each for each in found if each not in ours]
        results += ours
    return images, results
