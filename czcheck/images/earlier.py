"""Earlier results of czcheck that lie among images, told by what it wrote into them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from czcheck.errors import CzcheckError, UsageError
from czcheck.images.decoders import UnfinishedStoreError
from czcheck.images.folders import images_in
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
