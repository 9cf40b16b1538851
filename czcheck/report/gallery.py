"""Previews of tiles and outputs, made during a run for reports that show them."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from czcheck.report.picture import NO_NUMBER, OTHER_CLASS, input_colours
from czcheck.rules.finding import Finding, TilePixel
from czcheck.runtime.output_statistics import most_probable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.runtime.outputs import Output

SIDE = 320
"""Most pixels along a side of a preview, where a report is about few files."""

CONFIDENCE_SHADES = 32
"""Steps that confidences are shown in, from 0 to 1."""

SUM_LIMITS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""Distances from 1 that part the sums of probabilities; those in the middle are rounding."""

_BATCH_AXES = 4
_SHADES = 64
_BROKEN = 255


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview of one tile and its output, small enough to be stored.

    Attributes:
        tile: Name of the tile.
        natural: Whether it looks like a microscope's image.
        size: Height and width of the tile in pixels.
        intensities: The smallest and the largest value in it.
        image: The tile as a PNG, its intensities stretched.
        shape: Shape of the output; None if there was none.
        class_map: The most probable class at each pixel, in the model's colours, as a PNG; None
            where the output is not an image.
        confidence: The largest probability at each pixel, as a PNG from dark violet for 0 over
            green to yellow for 1; None as above. In both, what is not a number is magenta.
        won: For each class the number of pixels where it is the most probable one; what is not a
            number counts for none.
        mean_confidence: Mean of the largest probability, 0..1; None where it is not a number.
        sums: Pixels by the sum of their probabilities: from more than 0.1 below 1 over the limits
            in `SUM_LIMITS` to more than 0.1 above it.
        not_numbers: Pixels whose sum is NaN or infinite.
    """

    tile: str
    natural: bool
    size: tuple[int, int]
    intensities: tuple[float, float]
    image: bytes
    shape: tuple[int, ...] | None = None
    class_map: bytes | None = None
    confidence: bytes | None = None
    won: tuple[int, ...] = ()
    mean_confidence: float | None = None
    sums: tuple[int, ...] = ()
    not_numbers: int = 0


@dataclass(frozen=True, slots=True)
class Gallery:
    """Previews of a run.

    Attributes:
        tiles: The test tiles, in the order in which they were run.
        evidence: Further tiles that findings are about: test tiles that were changed to measure
            something.
    """

    tiles: tuple[Preview, ...]
    evidence: tuple[Preview, ...] = ()


class Collector:
    """Makes previews while a network runs."""

    def __init__(
        self,
        tiles: dict[str, bool],
        colours: Sequence[tuple[int, int, int]],
        *,
        bgr: bool,
        side: int = SIDE,
    ) -> None:
        """Collect nothing yet.

        Args:
            tiles: The test tiles by name, and whether each looks natural.
            colours: Red, green, blue of each class; classes beyond them are grey.
            bgr: Whether the first three channels are blue, green, red.
            side: Most pixels along a side of a preview.
        """
        self._tiles = tiles
        self._colours = colours
        self._bgr = bgr
        self._side = side
        self._made: dict[str, Preview] = {}

    def add(self, name: str, batch: NDArray[Any], output: Output | None) -> None:
        """Make a preview; the arrays are not stored.

        Args:
            name: Name of the tile; the same name again replaces what was made.
            batch: The tile or tiles, with the batch's axis. Of several the first is shown.
            output: The output; None if the network failed.
        """
        tile = batch[0]
        step = -(-max(tile.shape[:2]) // self._side)
        colours = input_colours(_averaged(tile, step), bgr=self._bgr)
        shown: dict[str, Any] = {} if output is None else {"shape": output.shape}
        if output is not None and output.array is not None:
            values = output.array
            if values.ndim == _BATCH_AXES and values.size and values.dtype.kind in "fiub":
                shown |= self._output(values[0], step)
        self._made[name] = Preview(
            tile=name,
            natural=self._tiles.get(name, True),
            size=(tile.shape[0], tile.shape[1]),
            intensities=(float(tile.min()), float(tile.max())),
            image=_png(_reduced(colours)),
            **shown,
        )

    def gallery(self, findings: Collection[Finding]) -> Gallery:
        """The test tiles, and what findings are about.

        Args:
            findings: All findings on the file.
        """
        named: dict[str, None] = {}
        for finding in findings:
            if isinstance(finding.at, TilePixel):
                named[finding.at.tile] = None
                named[str(dict(finding.fields).get("other"))] = None
        further = [name for name in named if name in self._made and name not in self._tiles]
        return Gallery(
            tuple(made for name, made in self._made.items() if name in self._tiles),
            tuple(self._made[name] for name in further),
        )

    def _output(self, output: NDArray[Any], step: int) -> dict[str, Any]:
        """Maps and figures of an output, `(height, width, classes)`."""
        import numpy as np  # noqa: PLC0415

        image = output.astype(np.float32, copy=False)
        sums = image[..., 0].copy()
        with np.errstate(over="ignore", invalid="ignore"):
            for channel in range(1, image.shape[-1]):
                sums += image[..., channel]
        finite = np.isfinite(sums)
        sound = bool(finite.all())
        labels, best = most_probable(image if sound else np.nan_to_num(image))
        return {
            "class_map": _png(self._class_map(labels, finite, step)),
            "confidence": _png(_confidence_map(best, finite, step)),
            "won": tuple(np.bincount(labels[finite], minlength=image.shape[-1]).tolist()),
            "mean_confidence": float(best.mean(dtype=np.float64)) if sound else None,
            "sums": _parted(sums[finite] - 1),
            "not_numbers": int(sums.size - np.count_nonzero(finite)),
        }

    def _class_map(self, labels: NDArray[Any], finite: NDArray[Any], step: int) -> Image.Image:
        """The most probable classes as an image with a palette."""
        # A palette has room for 256 colours, the last of them for what is not a number.
        known = min(len(self._colours), _BROKEN - 1)
        shown = np.minimum(_middles(labels, step), known).astype(np.uint8)
        table = [*self._colours[:known], OTHER_CLASS]
        if not finite.all():
            shown[_any(~finite, step)] = len(table)
        return _with_palette(shown, [*table, NO_NUMBER])


def _confidence_map(best: NDArray[Any], finite: NDArray[Any], step: int) -> Image.Image:
    """The largest probabilities as an image with a palette."""
    mean = np.clip(_averaged(best[..., None], step)[..., 0], 0, 1)
    shown = np.rint(mean * (CONFIDENCE_SHADES - 1)).astype(np.uint8)
    if not finite.all():
        shown[_any(~finite, step)] = CONFIDENCE_SHADES
    return _with_palette(shown, [*confidence_colours(CONFIDENCE_SHADES), NO_NUMBER])


@cache
def confidence_colours(count: int) -> tuple[tuple[int, int, int], ...]:
    """Colours of confidence maps, for 0 to 1: they grow brighter evenly, for every kind of eye.

    Args:
        count: How many, at least 2.
    """
    from matplotlib import colormaps  # noqa: PLC0415 - only for reports with pictures

    steps = (colormaps["viridis"](each / (count - 1), bytes=True) for each in range(count))
    return tuple((int(red), int(green), int(blue)) for red, green, blue, _ in steps)


def _parted(distances: NDArray[Any]) -> tuple[int, ...]:
    """How many distances from 1 lie between the limits."""
    limits = np.array([*(-each for each in SUM_LIMITS[::-1]), *SUM_LIMITS], np.float32)
    places = np.searchsorted(limits, distances)
    return tuple(np.bincount(places, minlength=len(limits) + 1).tolist())


def _averaged(image: NDArray[Any], step: int) -> NDArray[Any]:
    """Means of squares of `step` pixels; what is left over at the end is left out."""
    if step == 1:
        return image
    height, width, channels = image.shape
    rows, columns = height // step, width // step
    whole = image[: rows * step, : columns * step]
    means: NDArray[Any] = whole.reshape(rows, step, columns, step, channels).mean((1, 3))
    return means


def _middles(image: NDArray[Any], step: int) -> NDArray[Any]:
    """The pixel in the middle of each of the squares."""
    height, width = image.shape
    rows, columns = height // step, width // step
    return image[step // 2 : rows * step : step, step // 2 : columns * step : step]


def _any(mask: NDArray[Any], step: int) -> NDArray[Any]:
    """Whether anything is marked in each of the squares."""
    height, width = mask.shape
    rows, columns = height // step, width // step
    whole = mask[: rows * step, : columns * step]
    squares: NDArray[Any] = whole.reshape(rows, step, columns, step)
    return squares.max((1, 3))  # type: ignore[no-any-return]


def _reduced(colours: NDArray[Any]) -> Image.Image:
    """An image with so few colours or shades that noise takes little room."""
    if (colours[..., :1] == colours).all():
        shades = np.rint(colours[..., 0] / 255 * (_SHADES - 1)).astype(np.uint8)
        greys = [255 * each // (_SHADES - 1) for each in range(_SHADES)]
        table = [(grey, grey, grey) for grey in greys]
        return _with_palette(shades, table)
    return Image.fromarray(np.ascontiguousarray(colours)).quantize(_SHADES)


def _with_palette(shown: NDArray[Any], table: Sequence[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(shown))
    image.putpalette([part for colour in table for part in colour])
    return image


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()
