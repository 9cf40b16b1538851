"""Check that the archive's network computes the same as its source, on test tiles.

What stands around the network in the archive is computed by numpy around the source.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from czcheck.errors import InputError
from czcheck.metadata.pixel_types import PIXEL_TYPES
from czcheck.metadata.processing import Operation
from czcheck.model import Model
from czcheck.network.files import SavedModelFolder
from czcheck.network.saved_model import read_network
from czcheck.runtime.compare import StoredOutputs, compare
from czcheck.runtime.unpack import unpack
from czcheck.test_tiles.patterns import NATURAL, tiles
from czcheck.tolerances import DEFAULT_TOLERANCES, reason_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.building.process import BuildProcess, Lowering
    from czcheck.limits import Limits
    from czcheck.runtime.compare import Comparison

SUM_TOLERANCE = 1e-3
FLOAT32_STEP = 6e-8
STEADY = 1e-5
"""A standardised value that rounding of the mean alone can move by more is not steady."""

# Both networks run each twice: an image, both ends of the range, and all of it.
TILES = ("nuclei", "zeros", "saturated", "noise")


@dataclass(frozen=True, slots=True)
class Equivalence:
    """How far the archive's outputs are from the source's, over all test tiles.

    Attributes:
        tile: (height, width) of the tiles compared. Where the build changed the size, this is the
            source's own, and the network compared is the lowered one before the change.
        of_archive: Whether the network compared is the archive's own, unpacked from it.
        scaled: Largest difference of a probability on tiles scaled to [0, 1].
        raw: The same on the raw range of the pixel type.
        pixels: Pixels compared.
        ties: Pixels whose label differs because their two best classes are closer than the
            tolerance. No other label differs.
        unsteady: Names and ranges of tiles that were run but not compared: all but constant ones
            in front of a standardisation, where rounding alone decides the output.
        doubt: What is odd about the operations that were put behind the network; None if nothing.
        precision: What the source computes in: `float32`, `float16` or `bfloat16`. Tolerances are
            wider in half precision.
    """

    tile: tuple[int, int]
    of_archive: bool
    scaled: float
    raw: float
    pixels: int
    ties: int
    unsteady: tuple[str, ...] = ()
    doubt: str | None = None
    precision: str = "float32"


class Comparer:
    """Adds up how far the outputs of two networks for the same tiles are apart."""

    def __init__(self, source: str, precision: str = "float32") -> None:
        """Start with nothing compared.

        Args:
            source: The source, to name in errors.
            precision: What it computes in, see `Network.precision`.
        """
        self.source = source
        self.precision = precision
        tolerances = DEFAULT_TOLERANCES.at(precision)
        self._allowed = {False: tolerances.runtime_scaled, True: tolerances.runtime_raw}
        self._pixels = 0
        self._ties = 0
        self._largest = {False: 0.0, True: 0.0}

    def add(
        self, tile: str, source: NDArray[Any], lowered: NDArray[Any], *, raw: bool
    ) -> str | None:
        """Take two outputs for one tile into account.

        Args:
            tile: The tile's name.
            source: The source's output.
            lowered: The lowered network's output.
            raw: Whether the tile had the raw range, not [0, 1].

        Returns:
            What differs by more than the tolerance; None where nothing does.
        """
        tolerance = self._allowed[raw]
        found = compare(source, lowered, tolerance)
        if found.change > tolerance or found.labels:
            labels = f"{found.labels} of {found.pixels} labels"
            return (
                f"on the tile {tile!r} ({'raw range' if raw else 'scaled to [0, 1]'}) "
                f"{_change(found, source)} (allowed: {tolerance:g}{reason_for(self.precision)}), "
                f"and {labels} differ"
            )
        self._largest[raw] = max(self._largest[raw], found.change)
        self._pixels += found.pixels
        self._ties += found.ties
        return None

    def result(self, tile: tuple[int, int], *, of_archive: bool) -> Equivalence:
        """What all comparisons together show.

        Args:
            tile: (height, width) of the tiles compared.
            of_archive: Whether the network compared is the archive's own.

        Raises:
            InputError: Nothing was compared.
        """
        if self._pixels == 0:
            raise InputError(
                f"{self.source}: no output could be compared with the source's: in front of the "
                "standardisation every tile is all but constant; remove what stands before it"
            )
        return Equivalence(
            tile=tile,
            of_archive=of_archive,
            scaled=self._largest[False],
            raw=self._largest[True],
            pixels=self._pixels,
            ties=self._ties,
            precision=self.precision,
        )


def _change(found: Comparison, source: NDArray[Any]) -> str:
    """How far two predictions are apart, and where."""
    at = found.at
    if at is None:
        return "the predictions have other shapes"
    before = float(source[0, at.row, at.column, at.channel])
    return (
        f"probabilities differ by up to {found.change:.2g}, from {before:.6g} to {at.value:.6g} at "
        f"row {at.row}, column {at.column}, channel {at.channel}"
    )


def check_equivalence(
    process: BuildProcess,
    lowering: Lowering,
    archive: Path,
    pixel_type: str,
    limits: Limits,
    also: Callable[[str, NDArray[Any], NDArray[Any], bool], None] | None = None,
) -> Equivalence:
    """Compare the network unpacked from an archive with the source, and end the process.

    Where the tile's size was changed, the lowered network of the source's own size is compared
    with the source; the archive's is run all the same.

    Args:
        process: The build's process.
        lowering: What it made of the source.
        archive: The archive.
        pixel_type: The format's name of the pixel type, which sets the range of intensities.
        limits: Limits on what is read from the archive.
        also: Called with each tile that was compared: its name, its pixels, the output of the
            lowered network, and whether the tile has the raw range.

    Returns:
        How far the outputs are apart.

    Raises:
        InputError: They are further apart than the tolerances.
        IncompleteError: The process did not survive.
    """
    with Model(archive, limits) as model:
        unpacked = unpack(model.files, process.folder / "unpacked", limits)
        network = model.network
    changed = lowering.own_size is not None
    size = lowering.source_tile if changed else lowering.tile
    assert size is not None
    inputs = list(inputs_of(*size, lowering.channels, pixel_type))
    outputs = StoredOutputs({_key(name, raw) for name, raw, _ in inputs})
    unsteady: list[str] = []
    doubted: str | None = None
    try:
        loaded = process.load("running the source", lowering.source, lowering.network, outputs.add)
        for name, raw, pixels in inputs:
            given, steady = before(lowering.added.before, pixels, lowering.added.maximum)
            own = loaded.run(_key(name, raw), given, lowering.source_batch)
            if name in NATURAL and doubted is None:
                doubted = doubt(lowering.added.after, own)
            if not steady:
                unsteady.append(_key(name, raw))
        doing = "running the lowered network"
        if lowering.own_size is None:
            loaded = process.load(doing, unpacked, network)
        else:
            facts = read_network(SavedModelFolder(lowering.own_size), limits)
            loaded = process.load(doing, lowering.own_size, facts)
        comparer = Comparer(str(process.name), lowering.network.precision)
        for name, raw, pixels in inputs:
            found = loaded.run(name, pixels)
            if _key(name, raw) in unsteady:
                continue
            expected = after(lowering.added.after, outputs[_key(name, raw)][:1])
            differs = comparer.add(name, expected, found, raw=raw)
            if differs is not None:
                _refuse(process, lowering, pixels, differs)
            if also is not None:
                also(name, pixels, found, raw)
    finally:
        outputs.close()
    if changed:
        loaded = process.load(doing, unpacked, network)
        name, _, pixels = next(inputs_of(*lowering.tile, lowering.channels, pixel_type))
        loaded.run(name, pixels)
    loaded.finish()
    result = comparer.result(size, of_archive=not changed)
    return dataclasses.replace(result, unsteady=tuple(unsteady), doubt=doubted)


def _key(name: str, raw: bool) -> str:
    """A tile's name with its range."""
    return f"{name} ({'raw range' if raw else '0 to 1'})"


def _refuse(
    process: BuildProcess, lowering: Lowering, pixels: NDArray[Any], differs: str
) -> NoReturn:
    """Say why an archive is not written whose network is another one than the source.

    Args:
        process: The build's process.
        lowering: What it made of the source.
        pixels: The tile on which the two differ.
        differs: What differs.

    Raises:
        InputError: Always.
    """
    loaded = process.load("running the source", lowering.source, lowering.network)
    given, _ = before(lowering.added.before, pixels, lowering.added.maximum)
    first, again = (loaded.run("again", given, lowering.source_batch) for _ in range(2))
    if not np.array_equal(first, again, equal_nan=True):
        raise InputError(
            f"{process.name}: the network gives two predictions for one tile, one right after "
            "the other; a network that draws random numbers cannot be built: export it in "
            "inference mode (`training=False`), without dropout, noise and augmentation"
        )
    raise InputError(
        f"{process.name}: the lowered network does not compute what its source does: {differs}. "
        "The source itself gives the same prediction each time, so that its lowering is at "
        "fault: please report it, with the network or the list of its layers"
    )


def inputs_of(
    height: int, width: int, channels: int, pixel_type: str
) -> Iterator[tuple[str, bool, NDArray[Any]]]:
    """Tiles to run: name, whether of the raw range, pixels (height, width, channels).

    Args:
        height: Height of a tile in pixels.
        width: Width in pixels.
        channels: Size of the input's last dimension.
        pixel_type: The format's name of the pixel type.

    Yields:
        Four of the test tiles scaled to [0, 1] and, for integer pixel types, with raw intensities.
    """
    top = PIXEL_TYPES[pixel_type].maximum
    for tile in tiles(height, width, channels, pixel_type, names=TILES):
        yield tile.name, False, tile.pixels / top if top > 1 else tile.pixels
        if top > 1:
            yield tile.name, True, tile.pixels


def before(
    operations: Sequence[Operation], pixels: NDArray[Any], maximum: float
) -> tuple[NDArray[Any], bool]:
    """The input of a network behind the operations.

    Args:
        operations: Operations in front, the first one first.
        pixels: A tile, (height, width, channels).
        maximum: Largest intensity of the pixel type, by which `Scale` divides.

    Returns:
        The tile behind them, float32; and whether it is steady. It is not where a tile all but
        constant is standardised: there rounding in float32 decides what comes out.
    """
    values: NDArray[Any] = pixels.astype(np.float64)
    steady = True
    for operation in operations:
        if operation.name == "RgbToBgr":
            values = values[..., ::-1]
        elif operation.name == "RgbaToBgra":
            values = np.concatenate([values[..., 2::-1], values[..., 3:]], axis=-1)
        elif operation.name == "PerImageStandardization":
            deviation = max(values.std(), 1 / np.sqrt(values.size))
            mean = values.mean()
            rounding = FLOAT32_STEP * float(np.abs(values).max(initial=0)) / deviation
            steady = steady and rounding <= STEADY
            values = (values - mean) / deviation
        elif operation.name == "Normalization":
            values = (values - np.array(operation.mean)) / np.array(operation.std)
        elif operation.factor is not None:
            values = values * operation.factor
        else:
            values = values / maximum
    return values.astype(np.float32), steady


def after(operations: Sequence[Operation], output: NDArray[Any]) -> NDArray[Any]:
    """The output behind the operations.

    Args:
        operations: Operations behind the network, the first one first.
        output: The network's own output, (batch, height, width, channels).

    Returns:
        That output, float32.
    """
    values: NDArray[Any] = output.astype(np.float64)
    for operation in operations:
        if operation.name == "Softmax":
            values = np.exp(values - values.max(axis=-1, keepdims=True))
            values = values / values.sum(axis=-1, keepdims=True)
        elif operation.name == "Sigmoid":
            values = (1 + np.tanh(values / 2)) / 2  # 1 / (1 + exp(-x)), which would overflow
        else:
            values = np.concatenate([values, 1 - values], axis=-1)
    return values.astype(np.float32)


def doubt(operations: Sequence[Operation], output: NDArray[Any]) -> str | None:
    """What is odd about putting the operations behind an output; None if nothing is.

    Args:
        operations: Operations behind the network, the first one first.
        output: The network's own output for a tile, (batch, height, width, channels).
    """
    values = output
    for number, operation in enumerate(operations):
        lowest, highest = float(values.min(initial=0)), float(values.max(initial=0))
        if operation.name == "Softmax":
            sums = values.sum(axis=-1)
            if lowest >= 0 and np.abs(sums - 1).max(initial=0) <= SUM_TOLERANCE:
                return (
                    "Softmax was put behind scores that already sum to one; it makes them more "
                    "alike and changes no label: remove it unless that is intended"
                )
        elif operation.name != "Sigmoid" and (lowest < 0 or highest > 1):
            return (
                f"SigmoidToSoftmaxScores was put behind values from {lowest:.3g} to {highest:.3g};"
                " it takes probabilities, 0 to 1: put Sigmoid in front of it, or end the network "
                "with one"
            )
        values = after(operations[number : number + 1], values)
    return None
