"""A picture of a tile, the outputs of both releases, and where they differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.changes.outputs import Picture
from czcheck.report.picture import class_map, fewer, input_colours, png, side_by_side
from czcheck.runtime.output_statistics import most_probable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.changes.metadata import MetadataChange
    from czcheck.test_tiles.patterns import Tile

_AXES = 4
_DIMMED = 0.35
_DIFFERENT = (255, 0, 255)
Both = Callable[["NDArray[Any]", "NDArray[Any]"], "tuple[NDArray[Any], NDArray[Any]]"]


def picture_of(
    tile: Tile,
    before: NDArray[Any],
    after: NDArray[Any],
    metadata: MetadataChange,
    aligned: Both,
) -> Picture | None:
    """Draw a tile and both outputs for it.

    Args:
        tile: The tile.
        before: The first release's output, `(1, height, width, classes)`.
        after: The second release's output.
        metadata: The metadata of both.
        aligned: Brings both outputs into one order of channels.

    Returns:
        The picture; None if an output is not a map of classes.
    """
    height, width = tile.pixels.shape[:2]
    outputs = before, after
    if any(each.ndim != _AXES or each.shape[:3] != (1, height, width) for each in outputs):
        return None
    bgr = metadata.before.pixel_type.is_colour
    shown = input_colours(fewer(tile.pixels), bgr=bgr)
    panels = {"input": shown}
    for name, output, side in (
        ("before", before, metadata.before),
        ("after", after, metadata.after),
    ):
        panels[name] = class_map(fewer(output[0]), [each.color for each in side.classes])
    labels = [most_probable(np.nan_to_num(np.real(each[0])))[0] for each in aligned(before, after)]
    difference = np.rint(shown * _DIMMED).astype(np.uint8)
    difference[_any_in_each(labels[0] != labels[1], shown.shape[:2])] = _DIFFERENT
    panels["difference"] = difference
    return Picture(
        tile.name,
        {name: png(panel) for name, panel in panels.items()},
        png(side_by_side(list(panels.values()))),
    )


def _any_in_each(mask: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A mask made smaller: a single pixel that is set is still seen."""
    for axis, size in enumerate(shape):
        step = -(-mask.shape[axis] // size)
        mask = np.logical_or.reduceat(mask, range(0, mask.shape[axis], step), axis=axis)
    return mask
