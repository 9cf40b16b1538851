"""Which mask goes with which image: the one of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from czcheck.errors import UsageError
from czcheck.images.folders import image_files, is_store

_FEW = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its mask.

    Attributes:
        image: The image's path.
        mask: The mask's path.
    """

    image: Path
    mask: Path


def pairs_of(images: Path, masks: Path) -> tuple[tuple[Pair, ...], tuple[Path, ...]]:
    """Pair images with masks.

    Args:
        images: An image, or a folder of them.
        masks: Its mask, or a folder of masks, each named as its image but for the ending.

    Returns:
        The pairs in the order of the images' names, and the masks that no image goes with.

    Raises:
        UsageError: No such path, a folder without images, an image without a mask or with two.
    """
    for path in (images, masks):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
    alone = [not path.is_dir() or is_store(path) for path in (images, masks)]
    if all(alone):
        return (Pair(images, masks),), ()
    if alone[1]:
        raise UsageError(f"{masks}: is one mask, and {images} a folder; name a folder of masks")
    by_name: dict[str, list[Path]] = {}
    for mask in image_files(masks):
        by_name.setdefault(name_of(mask), []).append(mask)
    found = [images] if alone[0] else image_files(images)
    without = [image.name for image in found if name_of(image) not in by_name]
    if without:
        more = f" and {len(without) - _FEW} more" if len(without) > _FEW else ""
        raise UsageError(
            f"{masks}: no mask for {', '.join(without[:_FEW])}{more}; a mask is named as its image"
        )
    pairs = []
    for image in found:
        fitting = by_name.pop(name_of(image), None)
        if fitting is None:
            raise UsageError(f"{images}: two images are called {name_of(image)}; keep one")
        if len(fitting) > 1:
            told = " and ".join(each.name for each in fitting)
            raise UsageError(f"{masks}: {told} are both named as {image.name}; keep one")
        pairs.append(Pair(image, fitting[0]))
    left_over = [mask for each in by_name.values() for mask in each]
    return tuple(pairs), tuple(sorted(left_over))


def name_of(path: Path) -> str:
    """A file's name without its ending, `.ome.tif` and the like included.

    Args:
        path: The file.
    """
    stem = path.stem
    return stem[: -len(".ome")] if stem.lower().endswith(".ome") else stem
