"""Operations that look at the pixels around a pixel: convolutions, poolings, resizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from czcheck.network.facts import Dims
from czcheck.network.static.spread import Axis, Spread, Traced
from czcheck.network.static.step import Step, handles, ready, tag_of

# Different places of an enlarged row relative to the rows that it is made from.
MOST_PHASES = 10_000
IMAGE_RANK = 4
_KERNEL = 4
# Batch, one dimension of an image, channels.
_LEAST_RANK = 3


class Window(NamedTuple):
    """A window along one dimension.

    Attributes:
        size: Elements that it covers, gaps not counted.
        stride: Elements from one place of the window to the next.
        dilation: Elements from one covered element to the next.
        before: Elements of padding before the first one.
        after: Elements of padding behind the last one.
        same: Whether as much is padded as makes the outcome `ceil(size / stride)` long.
    """

    size: int
    stride: int
    dilation: int
    before: int
    after: int
    same: bool

    @property
    def span(self) -> int:
        """Elements from the first to the last one covered."""
        return (self.size - 1) * self.dilation

    def padded(self, size: int | None) -> tuple[int, int]:
        """Fewest and most elements of padding before the first one of so many."""
        if not self.same:
            return self.before, self.before
        if size is None or self.stride == 1:
            fewest = max(self.span + 1 - self.stride, 0) // 2
            return fewest, self.span // 2
        total = max((math.ceil(size / self.stride) - 1) * self.stride + self.span + 1 - size, 0)
        return total // 2, total // 2

    def length(self, size: int | None) -> int | None:
        """Length of the outcome for so many elements."""
        if size is None:
            return None
        if self.same:
            return math.ceil(size / self.stride)
        return max((size + self.before + self.after - self.span - 1) // self.stride + 1, 0)

    def slide(self, axis: Axis) -> Axis:
        """The axis behind the window."""
        fewest, most = self.padded(axis.size)
        return axis.scaled(
            Fraction(self.stride),
            Fraction(-most),
            Fraction(self.span - fewest),
            self.length(axis.size),
        )


def spatial(step: Step, rank: int) -> list[int]:
    """Numbers of the dimensions that are no batch and no channels."""
    channels_first = step.text("data_format", "NHWC").startswith("NC")
    return list(range(2, rank)) if channels_first else list(range(1, rank - 1))


def windows(step: Step, rank: int, sizes: Sequence[int]) -> list[Window] | None:
    """The windows along the dimensions of the image; None where attributes make no sense.

    Args:
        step: The node.
        rank: Number of dimensions.
        sizes: Sizes of the window along the dimensions of the image.
    """
    places = spatial(step, rank)
    strides, dilations = step.ints("strides"), step.ints("dilations") or step.ints("rates")
    explicit = step.ints("explicit_paddings")
    padding = step.text("padding")
    found = []
    for place, size in zip(places, sizes, strict=False):
        stride = strides[place] if place < len(strides) else 1
        dilation = dilations[place] if place < len(dilations) else 1
        before = after = 0
        if padding == "EXPLICIT" and 2 * place + 1 < len(explicit):
            before, after = explicit[2 * place : 2 * place + 2]
        if min(size, stride, dilation) < 1 or min(before, after) < 0:
            return None
        found.append(Window(size, stride, dilation, before, after, same=padding == "SAME"))
    return found if len(found) == len(places) else None


def moved(
    step: Step, image: Traced, new: dict[int, int | None], move: Callable[[int, Axis], Axis | None]
) -> Spread | None:
    """The spread behind an operation along dimensions of the image.

    Args:
        step: The node.
        image: What comes in, with a spread that is known.
        new: New sizes of the dimensions, by their numbers.
        move: Makes the new axis for a dimension; None where that is not known.

    Returns:
        The new spread, its layout that of the image; None where it is not known.
    """
    spread = ready(image)
    if spread is None or image.shape is None:
        return None
    spread = replace(spread, pure=False)
    layout = list(spread.layout)
    for place, size in new.items():
        tag = tag_of(spread.layout, place)
        if tag is None:
            return None
        axis = spread.axis(tag) if tag else None
        if axis is None:
            layout[place] = (("", size),)
            continue
        if size == 1 and image.shape[place] != 1:
            # A window as large as the image: its mean, or its largest value.
            spread = replace(spread, pure=False).raised(step.use).with_axis(tag, None)
            layout[place] = (("", 1),)
            continue
        after = move(place, axis)
        if after is None or not after.is_sane:
            return None
        spread = spread.with_axis(tag, after)
        layout[place] = ((tag, size),)
    return replace(spread, layout=tuple(layout))


def slid(step: Step, image: Traced, found: list[Window], channels: int | None) -> Traced:
    """The outcome of sliding windows over an image.

    Args:
        step: The node.
        image: The image.
        found: A window for each of its dimensions.
        channels: Channels of the outcome.
    """
    if image.shape is None:
        return step.unknown()
    places = spatial(step, len(image.shape))
    new = {
        place: each.length(image.shape[place]) for place, each in zip(places, found, strict=True)
    }
    sizes = list(image.shape)
    for place, size in new.items():
        sizes[place] = size
    deep = 1 if places[0] != 1 else len(sizes) - 1
    sizes[deep] = channels
    shape = tuple(sizes)
    if image.spread is None:
        return Traced(shape, image.item)
    if image.spread.unknown is not None or tag_of(image.spread.layout, deep) != "":
        return step.unknown(shape, image.item)
    by_place = dict(zip(places, found, strict=True))
    spread = moved(step, image, new, lambda place, axis: by_place[place].slide(axis))
    if spread is None:
        return step.unknown(shape, image.item)
    layout = list(spread.layout)
    layout[deep] = (("", channels),)
    return Traced(shape, image.item, spread=replace(spread, layout=tuple(layout)))


def from_phases(
    axis: Axis, factor: Fraction, ranges: Sequence[tuple[int, int, int]], size: int | None
) -> Axis | None:
    """The axis of an image that is enlarged or made smaller.

    Args:
        axis: The axis before.
        factor: Rows of that from one new row to the next.
        ranges: New rows, one of each phase, with the first and last old row that they see.
        size: Number of new rows.
    """
    if not ranges:
        return None
    low = min(first - factor * row for row, first, _ in ranges)
    high = max(last - factor * row for row, _, last in ranges)
    return axis.scaled(factor, low, high, size)


@handles("Conv2D", "Conv3D", "DepthwiseConv2dNative")
def convolution(step: Step) -> Traced:
    """A convolution, its kernel `(height, width, channels in, channels out)`."""
    image, kernel = step.get(0), step.get(1)
    rank, shape = image.rank, kernel.shape
    if rank is None or rank < _LEAST_RANK or shape is None or len(shape) != rank or None in shape:
        return step.unknown()
    if kernel.spread is not None:
        return step.unknown()
    *sizes, entering, leaving = (size or 0 for size in shape)
    found = windows(step, rank, sizes)
    if found is None:
        return step.unknown()
    depthwise = step.node.op == "DepthwiseConv2dNative"
    channels = entering * leaving if depthwise else leaving
    output = slid(step, image, found, channels)
    count = output.count
    each = math.prod(sizes) * (1 if depthwise else entering)
    step.multiply_adds = None if count is None else count * each
    return output


@handles("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D", "MaxPoolV2", "MaxPoolWithArgmax")
def pooling(step: Step) -> list[Traced]:
    """The largest or the mean value in a window."""
    image = step.get(0)
    sizes = step.ints("ksize")
    if step.node.op == "MaxPoolV2":
        sizes, strides = step.known(1) or [], step.known(2)
        if strides != [1] * len(sizes):
            return [step.unknown()]
    rank = image.rank
    if rank is None or image.shape is None or len(sizes) != rank:
        return [step.unknown()]
    places = spatial(step, rank)
    found = windows(step, rank, [sizes[place] for place in places])
    if found is None or math.prod(sizes) != math.prod(sizes[place] for place in places):
        return [step.unknown()]
    pooled = slid(step, image, found, image.shape[1 if places[0] != 1 else rank - 1])
    where = replace(pooled, item=8)
    return [pooled, where] if step.node.op == "MaxPoolWithArgmax" else [pooled]


@handles("Dilation2D", "ExtractImagePatches")
def morphology(step: Step) -> Traced:
    """The largest value in a window; or the window itself, as channels."""
    image = step.get(0)
    if step.node.op == "Dilation2D":
        shape = step.get(1).shape
        sizes = [] if shape is None else [size or 0 for size in shape[:2]]
        channels = None if image.shape is None else image.shape[-1]
    else:
        sizes = step.ints("ksizes")[1:3]
        depth = None if image.shape is None else image.shape[-1]
        channels = None if depth is None else depth * math.prod(sizes)
    if image.rank != IMAGE_RANK or len(sizes) != 2:  # height and width
        return step.unknown()
    found = windows(step, IMAGE_RANK, sizes)
    return step.unknown() if found is None else slid(step, image, found, channels)


@handles("Conv2DBackpropInput", "DepthwiseConv2dNativeBackpropInput")
def transposed(step: Step) -> Traced:
    """A transposed convolution, its kernel `(height, width, channels out, channels in)`."""
    requested, kernel, image = step.known(0), step.get(1).shape, step.get(2)
    if (
        requested is None
        or len(requested) != IMAGE_RANK
        or image.shape is None
        or image.rank != IMAGE_RANK
    ):
        return step.unknown()
    if kernel is None or len(kernel) != _KERNEL or None in kernel:
        return step.unknown()
    shape: Dims = tuple(requested)
    found = windows(step, IMAGE_RANK, [size or 0 for size in kernel[:2]])
    if found is None:
        return step.unknown(shape, image.item)
    count = image.count
    each = math.prod(size or 0 for size in kernel[:3])
    step.multiply_adds = None if count is None else count * each
    if image.spread is None:
        return Traced(shape, image.item)
    places = spatial(step, IMAGE_RANK)
    by_place = dict(zip(places, found, strict=True))

    def spread_out(place: int, axis: Axis) -> Axis | None:
        window = by_place[place]
        step.charge(window.stride)
        before = window.padded(shape[place])[1]
        ranges = []
        if window.stride > MOST_PHASES:
            return None
        for phase in range(window.stride):
            first = -(-(phase + before - window.span) // window.stride)
            last = (phase + before) // window.stride
            if first <= last:
                ranges.append((phase, first, last))
        return from_phases(axis, Fraction(1, window.stride), ranges, shape[place])

    if image.spread.unknown is not None:
        return step.unknown(shape, image.item)
    spread = moved(step, image, {place: shape[place] for place in places}, spread_out)
    if spread is None:
        return step.unknown(shape, image.item)
    layout = list(spread.layout)
    deep = 1 if places[0] != 1 else IMAGE_RANK - 1
    layout[deep] = (("", shape[deep]),)
    return Traced(shape, image.item, spread=replace(spread, layout=tuple(layout)))


@handles("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")
def resize(step: Step) -> Traced:
    """An image made larger or smaller."""
    image, requested = step.get(0), step.known(1)
    if image.rank != IMAGE_RANK or image.shape is None or requested is None or len(requested) != 2:
        return step.unknown()
    shape: Dims = (image.shape[0], requested[0], requested[1], image.shape[3])
    # The output for whole numbers is float32, but for the nearest pixel.
    item = image.item if step.node.op == "ResizeNearestNeighbor" else 4
    if image.spread is None:
        return Traced(shape, item)
    if image.spread.unknown is not None:
        return step.unknown(shape, item)

    def enlarge(place: int, axis: Axis) -> Axis | None:
        return _resized(step, axis, image.shape[place] if image.shape else None, shape[place])

    spread = moved(step, image, {1: requested[0], 2: requested[1]}, enlarge)
    if spread is None:
        return step.unknown(shape, item)
    return Traced(shape, item, spread=spread)


def _resized(step: Step, axis: Axis, before: int | None, after: int | None) -> Axis | None:
    """The axis behind a resize from so many rows to so many."""
    if not before or not after or min(before, after) < 1:
        return None
    corners = step.flag("align_corners") and after > 1
    factor = Fraction(before - 1, after - 1) if corners else Fraction(before, after)
    if factor == 0:
        return None
    period = factor.denominator
    if period > MOST_PHASES:
        return None
    step.charge(period)
    half = step.flag("half_pixel_centers")
    ranges = []
    for row in range(period):
        at = (row + Fraction(1, 2)) * factor - Fraction(1, 2) if half else row * factor
        ranges.append((row, *_seen(step.node.op, at, factor, corners=corners, half=half)))
    found = from_phases(axis, factor, ranges, after)
    if found is not None and corners:
        found = found._replace(stride=axis.stride * Fraction(before, after))
    return found


def _seen(op: str, at: Fraction, factor: Fraction, *, corners: bool, half: bool) -> tuple[int, int]:
    """First and last row that a place between rows is made from."""
    if op == "ResizeNearestNeighbor":
        # With half pixels, the place is that of the row's middle, half a row before.
        moved_by = Fraction(1, 2) if corners or half else Fraction(0)
        row = math.floor(at + moved_by)
        return row, row
    if op == "ResizeBilinear":
        return math.floor(at), math.ceil(at)
    if op == "ResizeBicubic":
        return math.floor(at) - 1, math.floor(at) + 2
    return math.floor(at), math.ceil(at + factor) - 1


@handles("SpaceToDepth", "DepthToSpace")
def blocks(step: Step) -> Traced:
    """Squares of pixels put into channels, or back."""
    image, block = step.get(0), step.integer("block_size")
    if image.rank != IMAGE_RANK or image.shape is None or block < 1:
        return step.unknown()
    if step.text("data_format", "NHWC") != "NHWC":
        return step.unknown()
    inward = step.node.op == "SpaceToDepth"

    def size_of(size: int | None, factor: Fraction) -> int | None:
        return None if size is None else int(size * factor)

    narrow = Fraction(1, block) if inward else Fraction(block)
    height, width, depth = image.shape[1:]
    shape: Dims = (
        image.shape[0],
        size_of(height, narrow),
        size_of(width, narrow),
        size_of(depth, 1 / (narrow * narrow)),
    )
    if image.spread is None:
        return Traced(shape, image.item)

    def move(place: int, axis: Axis) -> Axis:
        reach = Fraction(block - 1)
        if inward:
            return axis.scaled(Fraction(block), Fraction(0), reach, shape[place])
        return axis.scaled(Fraction(1, block), -reach / block, Fraction(0), shape[place])

    if image.spread.unknown is not None:
        return step.unknown(shape, image.item)
    spread = moved(step, image, {1: shape[1], 2: shape[2]}, move)
    if spread is None:
        return step.unknown(shape, image.item)
    layout = (*spread.layout[:3], (("", shape[3]),))
    return Traced(shape, image.item, spread=replace(spread, layout=layout))
