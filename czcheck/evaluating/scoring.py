"""Scores one plane while it is segmented: takes the predicted blocks; draws the worst ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from czcheck.errors import InputError
from czcheck.figures.counts import UNLABELLED, PixelCounts, match
from czcheck.figures.record import ImageEvaluation
from czcheck.report.picture import input_colours, png, side_by_side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.evaluating.truth import MaskReading
    from czcheck.images.image import Image, Plane
    from czcheck.segmenting.planes import Block


# Numbers per pixel of colours, without and with alpha.
_COLOURED = (3, 4)
PREVIEW = 320
"""Most pixels along a side of the preview of a plane."""
UNKNOWN = (128, 128, 128)
"""Colour of pixels whose true class is not known."""
RIGHT, WRONG = (235, 235, 235), (200, 30, 30)
"""Colours of pixels whose class is right, and wrong."""


class Preview(NamedTuple):
    """Every n-th pixel of a plane.

    Attributes:
        pixels: The image, `(height, width, channels)`.
        truth: Number of the true class, `(height, width)`; `UNLABELLED` where unknown.
        predicted: Number of the predicted class, of the same shape.
    """

    pixels: NDArray[Any]
    truth: NDArray[Any]
    predicted: NDArray[Any]


class PlaneScore:
    """The score of one plane: a sink of `segmenting.planes.segment_plane`.

    Only counts and a preview are stored of the pixels; where objects are paired, the two images of
    their numbers as well.
    """

    def __init__(
        self,
        plane: Plane,
        mask: Image,
        mask_plane: Plane,
        reading: MaskReading,
        label_values: Sequence[int],
        min_confidence: float,
    ) -> None:
        """Score nothing yet.

        Args:
            plane: The plane of the image.
            mask: The opened mask.
            mask_plane: The plane of the mask that goes with it.
            reading: How masks are read.
            label_values: The LabelValue of each class of the model.
            min_confidence: Percent; pixels below it belong to no object.

        Raises:
            InputError: The mask has another size, or colours.
        """
        size, other = ((each.height, each.width) for each in (plane, mask_plane))
        if size != other:
            raise InputError(
                f"{mask.path}: the mask has {other[1]}x{other[0]} pixels, the image {size[1]}x"
                f"{size[0]}; a mask has a value for each pixel of its image"
            )
        if mask.scalars != 1 and not (len(mask.channels) == 1 and mask.scalars in _COLOURED):
            raise InputError(
                f"{mask.path}: the mask has {mask.scalars} numbers per pixel ({mask.pixel_type}); "
                "save it as a gray image of whole numbers"
            )
        self._mask, self._plane, self._reading = mask, mask_plane, reading
        self._numbers = np.zeros(max(label_values) + 1, np.intp)
        self._numbers[list(label_values)] = range(len(label_values))
        self._least = np.float32(min_confidence / 100)
        self.counts = PixelCounts(len(reading.names))
        self._step = max(1, -(-max(size) // PREVIEW))
        shown = tuple(-(-side // self._step) for side in size)
        self._pixels: NDArray[Any] | None = None
        self._truth = np.full(shown, UNLABELLED, np.int16)
        self._predicted = np.zeros(shown, np.int16)
        self._objects: tuple[NDArray[Any], NDArray[Any]] | None = None
        if reading.numbered:
            self._objects = (np.zeros(size, np.int64), np.zeros(size, np.bool_))

    def take(self, block: Block) -> None:
        """Score the part of one tile that is used.

        Args:
            block: It, segmented without a minimum confidence.

        Raises:
            InputError: The mask is damaged here, or holds values that stand for no class.
        """
        height, width = block.labels.shape
        pixels = self._mask.read(self._plane, block.top, block.left, height, width)
        values = self._gray(pixels, block.top, block.left)
        place = self._mask.path + (f", plane {self._plane.name}" if self._plane.name else "")
        truth = self._reading.read(values, place, block.top, block.left)
        confidence = block.probabilities.max(axis=-1)
        predicted = self._reading.predicted(self._numbers[block.labels])
        self.counts.add(truth.classes, predicted, confidence)
        if self._objects is not None and truth.objects is not None:
            used = block.place.used
            self._objects[0][used] = truth.objects
            there = predicted == self._reading.shown
            self._objects[1][used] = there & (confidence >= self._least)
        self._show(block, truth.classes, predicted)

    def _gray(self, pixels: NDArray[Any], top: int, left: int) -> NDArray[Any]:
        """The values of a mask; one that was saved in colours has to be gray all the same."""
        colours = pixels[..., :3]
        different = (colours != colours[..., :1]).any(axis=-1)
        if different.any():
            row, column = (int(each) for each in np.argwhere(different)[0])
            colour = colours[row, column, ::-1].tolist()
            raise InputError(
                f"{self._mask.path}: the mask is a colour image (red, green, blue are {colour} "
                f"at row {top + row}, column {left + column}); save the numbers of classes or "
                "objects as a gray image"
            )
        values: NDArray[Any] = pixels[..., 0]
        return values

    def _show(self, block: Block, truth: NDArray[Any], predicted: NDArray[Any]) -> None:
        step = self._step
        top, left = (-block.top) % step, (-block.left) % step
        into = tuple(
            slice((start + first) // step, None)
            for start, first in ((block.top, top), (block.left, left))
        )
        if self._pixels is None:
            channels = block.pixels.shape[-1]
            self._pixels = np.zeros((*self._truth.shape, channels), block.pixels.dtype)
        for whole, part in (
            (self._pixels, block.pixels),
            (self._truth, truth),
            (self._predicted, predicted),
        ):
            few = part[top::step, left::step]
            whole[into][: few.shape[0], : few.shape[1]] = few

    def result(self, name: str) -> ImageEvaluation:
        """The score of the whole plane."""
        objects = None
        if self._objects is not None:
            from skimage.measure import label  # noqa: PLC0415 - slow, and not for all

            objects = match(self._objects[0], label(self._objects[1]))
        return ImageEvaluation(name, self.counts, objects)

    @property
    def preview(self) -> Preview:
        """The preview of the plane."""
        pixels = self._pixels
        if pixels is None:
            pixels = np.zeros((*self._truth.shape, 1), np.uint8)
        return Preview(pixels, self._truth, self._predicted)


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
