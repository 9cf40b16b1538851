"""Images in a folder, and files there that czcheck wrote itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from czcheck.errors import CzcheckError, UsageError
from czcheck.images.decoders import UnfinishedStoreError
from czcheck.images.opening import open_image


def is_result(path: Path) -> bool:
    """Whether czcheck wrote a file: labels, probabilities, a confidence map or an overlay.

    What cannot be read is none: it is told where it is opened as an image.

    Args:
        path: An image file or a store.
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


ENDINGS = (".png", ".tif", ".tiff", ".czi")
STORE_ENDING = ".zarr"
UNFINISHED = ".unfinished"
"""What follows the name of a store while it is written."""
_STORE_FILES = ("zarr.json", ".zgroup", ".zarray")


def is_store(path: Path) -> bool:
    """Whether a folder is a Zarr store, and so one image.

    Args:
        path: Any path.
    """
    return path.is_dir() and (
        path.suffix.lower() == STORE_ENDING or any((path / name).exists() for name in _STORE_FILES)
    )


def image_files(folder: Path) -> list[Path]:
    """The images in a folder, not below.

    Args:
        folder: The folder.

    Returns:
        Image files and Zarr stores by name. Hidden files are left out.

    Raises:
        UsageError: There is none.
    """
    found = sorted(
        each
        for each in folder.iterdir()
        if not each.name.startswith(".")
        and (each.suffix.lower() in ENDINGS if each.is_file() else is_store(each))
    )
    if not found:
        known = ", ".join((*ENDINGS, STORE_ENDING))
        inside = sorted(each.name for each in folder.iterdir() if each.is_dir())
        more = f"; name one of the folders in it, such as {inside[0]}" if inside else ""
        raise UsageError(f"{folder}: the folder holds no image ({known}){more}")
    return found


def images_in(path: Path) -> list[Path]:
    """The images that a path stands for: itself, or those in a folder.

    Args:
        path: An image, or a folder of them.

    Raises:
        UsageError: No such path, or a folder without images.
    """
    if not path.exists():
        raise UsageError(f"{path}: no such image or folder")
    return image_files(path) if path.is_dir() and not is_store(path) else [path]
