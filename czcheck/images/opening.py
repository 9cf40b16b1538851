"""Opening image files by what they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from czcheck.errors import UsageError
from czcheck.images.file_image import Selections
from czcheck.images.image import Image
from czcheck.images.selection import Selection

ENDINGS = (".png",)


def open_image(
    path: str | Path,
    *,
    scene: Selection = None,
    channel: Selection = None,
    time: Selection = None,
    z: Selection = None,
) -> Image:
    """Open an image file.

    Selections are numbers from 0, names, lists of both, or texts such as `0,2`, `1-3` and `DAPI`;
    without one all are taken. Channels come in the order in which they are selected. Of a colour
    channel `Red`, `Green` and `Blue` can be selected.

    Args:
        path: The file; of a Zarr store the folder.
        scene: Scenes.
        channel: Channels.
        time: Points in time.
        z: Sections.

    Raises:
        UsageError: No such file, a file of another kind, a selection that matches nothing, or an
            extra that is not installed.
        InputError: The file is damaged, too large, or has pixels that the format does not know.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"{path}: no such image")
    reader = _reader(path)
    return reader(path, Selections(scene, channel, time, z))


def _reader(path: Path) -> Callable[[Path, Selections], Image]:
    if path.suffix.lower() == ".png":
        from czcheck.images.png import PngImage  # noqa: PLC0415

        return PngImage
    raise UsageError(f"{path}: cannot be read as an image; name a {', '.join(ENDINGS)} file")
