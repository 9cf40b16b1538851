"""Previews of planes that were segmented worst: image, truth, prediction, and differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from czcheck.evaluating.counts import UNLABELLED
from czcheck.report.picture import input_colours, png, side_by_side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.evaluating.scoring import Preview

UNKNOWN = (128, 128, 128)
"""Colour of pixels whose true class is not known."""

RIGHT, WRONG = (235, 235, 235), (200, 30, 30)
"""Colours of pixels whose class is right, and wrong."""


def worst_picture(preview: Preview, colours: Sequence[tuple[int, int, int]], *, bgr: bool) -> bytes:
    """Draw a plane, its truth and its prediction side by side.

    Args:
        preview: The plane.
        colours: Red, green, blue of each class.
        bgr: Whether the first three channels are blue, green, red.

    Returns:
        A PNG of four panels: the image with its intensities stretched, the true classes and the
        predicted ones in the model's colours (grey where the truth is unknown), and red where the
        two differ.
    """
    known = preview.truth != UNLABELLED
    table = np.asarray([*colours, UNKNOWN], np.uint8)  # -1, the unlabelled, is the last one
    differs = np.where((preview.truth == preview.predicted)[..., np.newaxis], RIGHT, WRONG)
    differs[~known] = UNKNOWN
    panels: list[NDArray[np.uint8]] = [
        input_colours(preview.pixels, bgr=bgr),
        table[preview.truth],
        table[preview.predicted],
        differs.astype(np.uint8),
    ]
    return png(side_by_side(panels))
