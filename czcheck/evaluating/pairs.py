"""Which mask goes with which image: the one of the same name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from czcheck.errors import UsageError
from czcheck.images.folders import image_files, is_store
from czcheck.images.formats import is_result
from czcheck.text import first_of

_FEW = 3
# As annotation tools and data sets name masks: Cellpose, StarDist, napari, the Data Science Bowl.
_BEHIND = re.compile(
    r"[_\-. ](cp_)?(masks?|seg|segmentation|segmented|labels?|instances|gt|truth|ground_?truth|"
    r"annotations?|annotated)$",
    re.IGNORECASE,
)


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
        masks: Its mask, or a folder of masks, each named as its image but for the ending, and for
            `_mask` or the like behind; it may be the folder of the images.

    Returns:
        The pairs in the order of the images' names; and what goes into none: masks without an
        image, and earlier results of czcheck without a mask.

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
        raise UsageError(
            f"{masks}: is a single mask, but {images} is a folder; name a folder of masks"
        )
    found = [images] if alone[0] else image_files(images)
    candidates = image_files(masks)
    if not alone[0] and images.resolve() == masks.resolve():
        # Side by side: what is called as another file with `_mask` or so behind is its mask.
        names = {name_of(each) for each in found}
        candidates = [each for each in found if _base(each) in names - {name_of(each)}]
        found = [each for each in found if each not in candidates]
    exact, behind = _by(name_of, candidates), _by(_base, candidates)
    without = [each for each in found if name_of(each) not in exact | behind]
    ours = {each for each in without if is_result(each)}
    without = [each for each in without if each not in ours]
    if without:
        names_of = [each.name for each in without]
        raise UsageError(
            f"{masks}: no mask for {first_of(names_of, _FEW)}; a mask is named as its "
            "image, or so with _mask, _seg, _labels or the like behind"
        )
    pairs: dict[Path, Pair] = {}
    for image in found:
        if image in ours:
            continue
        fitting = exact.get(name_of(image)) or behind[name_of(image)]
        if len(fitting) > 1:
            both = " and ".join(each.name for each in fitting)
            raise UsageError(f"{masks}: {both} are both named as {image.name}; remove one")
        if fitting[0] in pairs:
            raise UsageError(f"{images}: two images are called {name_of(image)}; remove one")
        pairs[fitting[0]] = Pair(image, fitting[0])
    if not pairs:
        raise UsageError(f"{images}: the folder contains only results of czcheck")
    left_over = [each for each in candidates if each not in pairs]
    return tuple(pairs.values()), tuple(sorted([*left_over, *ours]))


def _by(name: Callable[[Path], str], paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Files by one of their names."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(name(path), []).append(path)
    return found


def _base(path: Path) -> str:
    """A file's name without what is often put behind the image's name for its mask."""
    return _BEHIND.sub("", name_of(path))


def name_of(path: Path) -> str:
    """A file's name without its ending, `.ome.tif` and the like included."""
    stem = path.stem
    return stem[: -len(".ome")] if stem.lower().endswith(".ome") else stem
