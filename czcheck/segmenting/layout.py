"""How an image is cut into tiles, and which part of each output is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from czcheck.errors import UsageError
from czcheck.segmenting.job import need


@dataclass(frozen=True, slots=True)
class Span:
    """A tile along one axis. All places are pixels of the image.

    Attributes:
        start: First pixel of the tile. Negative where the image is smaller than the tile.
        size: Pixels of the tile.
        keep_from: First pixel whose output is used.
        keep_to: The pixel behind the last one that is used.
    """

    start: int
    size: int
    keep_from: int
    keep_to: int

    @property
    def before(self) -> int:
        """Pixels of the tile before the used part."""
        return self.keep_from - self.start

    @property
    def behind(self) -> int:
        """Pixels of the tile behind the used part."""
        return self.start + self.size - self.keep_to


@dataclass(frozen=True, slots=True)
class TilePlace:
    """The position of one tile in an image.

    Attributes:
        row: Number of its row of tiles, from 0.
        column: Number of its column of tiles, from 0.
        rows: The tile from top to bottom.
        columns: The tile from left to right.
    """

    row: int
    column: int
    rows: Span
    columns: Span

    @property
    def used(self) -> tuple[slice, slice]:
        """Rows and columns of the image whose output is taken from this tile."""
        return (
            slice(self.rows.keep_from, self.rows.keep_to),
            slice(self.columns.keep_from, self.columns.keep_to),
        )

    @property
    def region(self) -> tuple[int, int, int, int]:
        """The same as first row, first column, height and width."""
        rows, columns = self.rows, self.columns
        height, width = rows.keep_to - rows.keep_from, columns.keep_to - columns.keep_from
        return rows.keep_from, columns.keep_from, height, width

    @property
    def inside(self) -> tuple[slice, slice]:
        """The same rows and columns, as those of the tile."""
        rows, columns = self.rows, self.columns
        return (
            slice(rows.before, rows.size - rows.behind),
            slice(columns.before, columns.size - columns.behind),
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """The tiles of an image. Iterating yields them row by row.

    Attributes:
        shape: (height, width) of the image in pixels.
        tile: (height, width) of each tile in pixels.
        border: Pixels that are discarded, at least, at each edge of a tile inside the image.
        rows: The tiles from top to bottom.
        columns: The tiles from left to right.
    """

    shape: tuple[int, int]
    tile: tuple[int, int]
    border: int
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[TilePlace]:
        for row, rows in enumerate(self.rows):
            for column, columns in enumerate(self.columns):
                yield TilePlace(row, column, rows, columns)

    def __getitem__(self, number: int) -> TilePlace:
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self)} tiles")
        row, column = divmod(number, len(self.columns))
        return TilePlace(row, column, self.rows[row], self.columns[column])

    @property
    def seams(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows and columns of the image at which another tile begins to be used."""
        return (
            tuple(span.keep_from for span in self.rows[1:]),
            tuple(span.keep_from for span in self.columns[1:]),
        )

    @property
    def padded(self) -> tuple[int, int, int, int]:
        """Pixels by which tiles extend over the image's top, bottom, left and right edge."""
        (height, width), rows, columns = self.shape, self.rows, self.columns
        return (
            max(0, -rows[0].start),
            max(0, rows[-1].start + rows[-1].size - height),
            max(0, -columns[0].start),
            max(0, columns[-1].start + columns[-1].size - width),
        )

    @property
    def padding(self) -> float:
        """Share of the network's input that is padding, not image, 0 to 1."""
        seen = 1.0
        for spans, length in zip((self.rows, self.columns), self.shape, strict=True):
            inside = (min(span.start + span.size, length) - max(span.start, 0) for span in spans)
            seen *= sum(inside) / sum(span.size for span in spans)
        return 1 - seen

    @property
    def cost(self) -> float:
        """Pixels that go through the network for each pixel of the image."""
        return len(self) * self.tile[0] * self.tile[1] / (self.shape[0] * self.shape[1])


def tiles(
    shape: Sequence[int], tile: int | Sequence[int], border: int, *, align: int = 1
) -> Layout:
    """Cut an image into tiles as ZEN does, without running anything.

    Every tile has exactly the network's size. At the edges of the image a tile is used up to the
    edge, and shifted inwards so that it is full of the image's pixels; between tiles at least
    `border` pixels of each are discarded. Every pixel is taken from one tile. An image that is
    smaller than a tile is placed in its centre, and the tile extends over the edges.

    Args:
        shape: (height, width) of the image in pixels; further numbers are left aside.
        tile: (height, width) of the network's tile in pixels, or one number for both.
        border: The model's `BorderSize` in pixels.
        align: The network's stride in pixels: tiles begin at multiples of it, so that poolings see
            the same grid in all of them. The last row and column of tiles then reach over the edge
            by less than a stride where the image's size requires it. 1 for ZEN's own layout.

    Returns:
        The tiles.

    Raises:
        UsageError: A number is too small, the border leaves nothing of the tile, or `cztile` is
            not installed.
    """
    height, width = (int(size) for size in shape[:2])
    both = (tile, tile) if isinstance(tile, int) else (int(tile[0]), int(tile[1]))
    if min(height, width) < 1:
        raise UsageError(f"an image of {width}x{height} pixels has nothing to cut")
    if border < 0 or align < 1:
        raise UsageError("border has to be at least 0, and align at least 1")
    for size in both:
        if 2 * border >= size:
            raise UsageError(
                f"a border of {border} pixels on each side leaves nothing of a tile of {size}; "
                f"the border has to be at most {max(0, (size - 1) // 2)}"
            )
    spans = [
        _aligned(length, size, border, align)
        if align > 1 and length > size
        else _as_zen(length, size, border)
        for length, size in zip((height, width), both, strict=True)
    ]
    return Layout((height, width), both, border, spans[0], spans[1])


def _as_zen(length: int, size: int, border: int) -> tuple[Span, ...]:
    """Tiles along one axis, by the library that describes ZEN's own way."""
    need("cztile")
    # Its strategy for areas is this one for each of the axes.
    from cztile.fixed_total_length_strategy_1d import (  # noqa: PLC0415
        AlmostEqualBorderFixedTotalLengthStrategy1D,
    )

    strategy = AlmostEqualBorderFixedTotalLengthStrategy1D(size, border)
    return tuple(
        Span(
            each.left_most_tile_pixel - each.left_border_width,
            size,
            each.left_most_tile_pixel,
            each.left_most_tile_pixel + each.width,
        )
        for each in strategy.calculate_tiles(length)
    )


def _aligned(length: int, size: int, border: int, stride: int) -> tuple[Span, ...]:
    """Tiles along one axis that begin at multiples of the stride, as evenly as that goes."""
    step = (size - 2 * border) // stride
    if step < 1:
        raise UsageError(
            f"a border of {border} pixels leaves {size - 2 * border} of a tile of {size}, less "
            f"than the network's stride of {stride}: tiles cannot be aligned; leave align out"
        )
    last = -(-(length - size) // stride)
    gaps = -(-last // step)
    starts = [number * last // gaps * stride for number in range(gaps + 1)]
    return _cut_half_way(starts, size, length)


def laid_between(layout: Layout, stride: int) -> Layout:
    """Other tiles for the same image: former seams are in the middle of a tile.

    Args:
        layout: The tiles.
        stride: The network's stride; each new tile is moved from an old one by a multiple of it.

    Returns:
        One more tile along each axis on which there are several.
    """
    rows, columns = (
        _between(spans, length, layout.border, stride)
        for spans, length in zip((layout.rows, layout.columns), layout.shape, strict=True)
    )
    return Layout(layout.shape, layout.tile, layout.border, rows, columns)


def _between(spans: tuple[Span, ...], length: int, border: int, stride: int) -> tuple[Span, ...]:
    if len(spans) == 1:
        return spans
    size = spans[0].size
    starts = [spans[0].start]
    for here, there in pairwise(spans):
        # With a large stride relative to the tile, the middle can be too far from the tile before.
        furthest = starts[-1] + size - 2 * border
        moved = min((there.start - here.start) // 2, furthest - here.start)
        starts.append(here.start + moved // stride * stride)
    return _cut_half_way([*starts, spans[-1].start], size, length)


def _cut_half_way(starts: Sequence[int], size: int, length: int) -> tuple[Span, ...]:
    """Tiles that begin at these places, used up to half way between one's end and the next."""
    cuts = [0, *((here + size + there) // 2 for here, there in pairwise(starts)), length]
    return tuple(
        Span(start, size, first, end)
        for start, (first, end) in zip(starts, pairwise(cuts), strict=True)
    )
