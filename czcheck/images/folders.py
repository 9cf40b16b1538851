"""Folders that stand for the images in them, and folders that are an image."""

from __future__ import annotations

from pathlib import Path

from czcheck.errors import UsageError

ENDINGS = (".png", ".tif", ".tiff", ".czi")
STORE_ENDING = ".zarr"
UNFINISHED = ".unfinished"
"""What follows the name of a store while it is written."""
_STORE_FILES = ("zarr.json", ".zgroup", ".zarray")


def is_store(path: Path) -> bool:
    """Whether a folder is a Zarr store, and so one image."""
    return path.is_dir() and (
        path.suffix.lower() == STORE_ENDING or any((path / name).exists() for name in _STORE_FILES)
    )


def image_files(folder: Path) -> list[Path]:
    """The images in a folder, not below.

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
