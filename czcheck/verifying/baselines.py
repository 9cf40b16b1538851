"""Makes baselines: a model's outputs, stored to compare later ones with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck._version import __version__
from czcheck.archive.foreign import about_folder
from czcheck.errors import IncompleteError, InputError, UsageError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.model import Model
from czcheck.progress import FileProgress
from czcheck.rules.engine import SkipCause, Status
from czcheck.runtime.baseline import SEED, Baseline, BaselineTolerances, GoldenTile, block_means
from czcheck.runtime.baseline_file import LEAST_CHANGE, write_baseline_file
from czcheck.runtime.compare import StoredOutputs, is_flat
from czcheck.sources import Sources
from czcheck.targets import Target, check_targets
from czcheck.test_tiles.patterns import NAMES
from czcheck.verifying.verification import verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.report.report import FileReport
    from czcheck.runtime.limits import RunnerLimits
    from czcheck.runtime.outputs import Output

# The network runs, and returns finite probabilities of the right shape and type.
_NEEDED = ("CZ402", "CZ403", "CZ404", "CZ405", "CZ406", "CZ407")


def write_baseline(  # noqa: PLR0913 - options of the command, all by name
    path: str | Path,
    output: str | Path,
    *,
    max_change: float = 1e-3,
    min_agreement: float = 0.9999,
    min_dice: float = 0.99,
    allow_op: Sequence[str] = (),
    python: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    progress: FileProgress | None = None,
) -> Baseline:
    """Store a model's outputs for the built-in test tiles.

    Flat tiles are left out: the output for them depends on rounding.

    Args:
        path: The archive.
        output: File to write, `.npz`; replaced as a whole, or left as it was.
        max_change: Largest change of a probability that is no difference, 0.0001..1.
        min_agreement: Smallest share of pixels whose label has to stay, in any tile, 0..1.
        min_dice: Smallest Dice coefficient of a class over all tiles, 0..1.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        python: Interpreter that runs the network; this one if left out.
        limits: Limits on everything that is read.
        runner_limits: Limits on time and memory of the network's process.
        progress: Called after each tile.

    Returns:
        The facts stored in the baseline.

    Raises:
        UsageError: No such archive, a folder, an output that would replace what is read,
            or a tolerance out of range.
        InputError: The network does not return probabilities for every tile, or the file cannot be
            written.
        IncompleteError: The network could not be run.
    """
    path, output = Path(path), Path(output)
    tolerances = BaselineTolerances(max_change, min_agreement, min_dice)
    for name, value in asdict(tolerances).items():
        least = LEAST_CHANGE if name == "max_change" else 0
        if not least <= value <= 1:
            raise UsageError(f"{name} {value:g} is not within {least:g} and 1")
    if path.is_dir():
        raise UsageError(f"{path}: {about_folder(path)}")
    sources = Sources()
    sources.model(path)
    sources.program(python, "the interpreter that runs the network")
    check_targets([Target(f"--output {output}", output)], sources)
    tiles: dict[str, GoldenTile] = {}
    stored = StoredOutputs(NAMES)

    def store(name: str, batch: NDArray[Any], output: Output | None) -> None:
        if name in NAMES and name not in tiles and not is_flat(batch):
            tiles[name] = GoldenTile(name, SEED, block_means(batch[0]))
            stored.add(name, batch, output)

    try:
        report = verify(
            path,
            target="any",
            allow_op=allow_op,
            python=python,
            limits=limits,
            runner_limits=runner_limits,
            progress=progress,
            on_output=store,
        ).files[0]
        _check(report)
        with Model(path, limits) as model:
            golden = _baseline(model, output, report, tuple(tiles.values()), tolerances)
        write_baseline_file(output, golden, stored)
        return golden
    finally:
        stored.close()


def _check(report: FileReport) -> None:
    """Check that there are valid outputs to store."""
    for outcome in report.outcomes:
        if outcome.code not in _NEEDED or outcome.status is Status.PASSED:
            continue
        if outcome.status is Status.FAILED:
            reason = outcome.findings[0].message.rstrip(".")
        else:
            reason = outcome.reason
        advice = "see `czcheck verify`"
        if outcome.status is Status.CRASHED or outcome.cause is SkipCause.TOOL:
            raise IncompleteError(f"{report.path}: cannot be run: {reason}")
        raise InputError(f"{report.path}: has no outputs to store: {reason}; {advice}")


def _baseline(
    model: Model,
    output: Path,
    report: FileReport,
    tiles: tuple[GoldenTile, ...],
    tolerances: BaselineTolerances,
) -> Baseline:
    metadata, fed = model.metadata, model.network.input
    if fed is None or not fed.shape or not tiles:
        raise InputError(f"{report.path}: has no outputs to store: the network has no fixed tile")
    height, width, channels = (size or 0 for size in fed.shape[1:])
    return Baseline(
        path=output,
        model_id=metadata.model_id,
        model_name=metadata.name,
        sha256=report.sha256,
        czcheck=__version__,
        tensorflow=report.examined.run.tensorflow if report.examined.run else "",
        height=height,
        width=width,
        channels=channels,
        pixel_type=metadata.pixel_types[0],
        scaled=bool(metadata.scale_inputs_by_bitdepth),
        classes=tuple(each.name for each in metadata.classes),
        tiles=tiles,
        tolerances=tolerances,
    )
