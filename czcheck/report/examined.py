"""What was examined of a file: its content and measurements, and their one JSON form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class MetadataSummary(NamedTuple):
    """The metadata: version of the format, name, id, and number of classes."""

    version: str
    name: str
    id: str
    classes: int


class BinarySummary(NamedTuple):
    """Classes of one channel p that was made two: that of `p`, and that of the rest, 1 - p."""

    p: str
    rest: str


class NetworkSummary(NamedTuple):
    """The network.

    Attributes:
        input: Height x width x channels.
        output: Height x width x classes.
        parameters: Number of its weights.
        tensorflow: Version that saved it.
        binary: Only where one channel was made two.
    """

    input: str
    output: str
    parameters: int
    tensorflow: str
    binary: BinarySummary | None = None


class CostSummary(NamedTuple):
    """What the run cost, in seconds and bytes; None where it is not known."""

    load_seconds: float
    first_tile_seconds: float
    tile_seconds: float | None
    megapixel_seconds: float | None
    peak_bytes: int | None


class DistanceSummary(NamedTuple):
    """Pixels at each edge in which a probability changes by more than `tolerance`.

    None where the change goes on to the middle of the tile.
    """

    tolerance: float
    top: int | None
    bottom: int | None
    left: int | None
    right: int | None


class BorderSummary(NamedTuple):
    """How far the border reaches, as `runtime.measure.borders.ReachRecord` measures it.

    Attributes:
        tile: The pattern that tiles were cut from.
        kind: `local`, `global-input` or `global-inside`.
        distances: One for each tolerance.
        profile: Largest change of a probability at 0, 1, 2, ... pixels from the edges or farther.
        plateau: Largest change farther in than any border reaches.
        declared: BorderSize in pixels.
        declared_cost: Share of each tile that it discards, 0 to 1.
        change_at_declared: Largest change there or farther in; None beyond the middle.
        recommended: BorderSize to declare; None where none is enough.
        recommended_cost: Its share of each tile.
        bound: Most pixels at the top, bottom, left and right edge, by the graph; None if unknown.
        stride: Pixels at which the network repeats.
    """

    tile: str
    kind: str
    distances: tuple[DistanceSummary, ...]
    profile: tuple[float, ...]
    plateau: float
    declared: int
    declared_cost: float
    change_at_declared: float | None
    recommended: int | None
    recommended_cost: float | None
    bound: tuple[int, ...] | None
    stride: int


class RuntimeSummary(NamedTuple):
    """Outputs in another runtime: tiles compared, least agreement of labels, largest change."""

    tensorflow: str
    python: str
    tiles: int
    agreement: float | None
    change: float | None


class BaselineSummary(NamedTuple):
    """Outputs compared with those of a baseline, which the named archive gave."""

    model_id: str
    sha256: str
    tiles: int
    agreement: float | None
    change: float | None


class RunSummary(NamedTuple):
    """The run on test tiles.

    Attributes:
        tiles: Test tiles with an output.
        tile_runs: Tiles that were run in all, those of further measurements included.
        tensorflow: Version that ran it.
        python: Version of its Python.
        backend: `c` for TensorFlow's C library, `python` for its Python.
        isolation: What it was shut in by.
        backend_reason: Why it is Python; None where that was requested or there is no other way.
        behaviour: As `runtime.measure.behaviour.Behaviour.to_json` gives it.
        cost: What it cost.
        border: How far the border reaches.
        offsets: As `runtime.measure.borders.OffsetRecord.to_json` gives it.
        runtime: The comparison with another runtime.
        baseline: The comparison with a baseline.
    """

    tiles: int
    tile_runs: int
    tensorflow: str
    python: str
    backend: str
    isolation: str
    backend_reason: str | None = None
    behaviour: Mapping[str, Any] | None = None
    cost: CostSummary | None = None
    border: BorderSummary | None = None
    offsets: Mapping[str, Any] | None = None
    runtime: RuntimeSummary | None = None
    baseline: BaselineSummary | None = None


class FileSummary(NamedTuple):
    """What a file contains and what was measured, as far as it could be read.

    Attributes:
        members: Members of the archive; a specification has none.
        metadata: The metadata.
        network: The network.
        left_to_build: Only of a specification: what was not done with its network, and why.
        run: The run on test tiles.
        evaluation: As `figures.record.Evaluation.to_json` gives it.
        evidence: Names of the files that were written to the folder for evidence.
    """

    members: int | None = None
    metadata: MetadataSummary | None = None
    network: NetworkSummary | None = None
    left_to_build: str | None = None
    run: RunSummary | None = None
    evaluation: Mapping[str, Any] | None = None
    evidence: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `looked_at` in `schemas/report.schema.json`."""
        plain: dict[str, Any] = _plain(self)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> FileSummary:
        """The record from its plain data.

        Args:
            plain: What `to_json` returned.

        Raises:
            TypeError: It did not.
        """
        return cls(**{name: typed(name, value) for name, value in plain.items()})


NOTHING = FileSummary()

# What stands under a key of the JSON form, at whatever depth.
_KINDS: dict[str, Callable[..., Any]] = {
    "metadata": MetadataSummary,
    "network": NetworkSummary,
    "binary": BinarySummary,
    "run": RunSummary,
    "cost": CostSummary,
    "border": BorderSummary,
    "distances": DistanceSummary,
    "runtime": RuntimeSummary,
    "baseline": BaselineSummary,
}


def _plain(value: Any) -> Any:
    """Records as dicts, without those fields that are None by default."""
    if type(value) in (FileSummary, *_KINDS.values()):
        return {
            name: _plain(each)
            for name, each in value._asdict().items()
            if each is not None or name not in value._field_defaults
        }
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def typed(name: str, value: Any) -> Any:
    """What stands under a key of the JSON form, as a record.

    Args:
        name: The key, such as `border`.
        value: Its value.

    Raises:
        TypeError: The value has another form.
    """
    if isinstance(value, list):
        return tuple(typed(name, each) for each in value)
    kind = _KINDS.get(name)
    if kind is None or value is None:
        return value
    return kind(**{key: typed(key, each) for key, each in value.items()})
