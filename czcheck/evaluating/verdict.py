"""A model's verdict on labelled images: the rules on it, and the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck._version import __version__
from czcheck.configuration.applying import with_waiver_rules
from czcheck.configuration.configuration import Configuration
from czcheck.errors import InputError, UnavailableError, UsageError
from czcheck.evaluating.evaluating import Labelled, evaluation_of
from czcheck.evaluating.truth import mask_reading
from czcheck.figures.record import Goals
from czcheck.images.selection import Selections
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.model import Model
from czcheck.report.inspection import as_far_as_read
from czcheck.report.report import Report
from czcheck.segmenting.job import job_of, need
from czcheck.verifying.checking import outcomes_of, report_of
from czcheck.verifying.gathering import examined, facts_of

if TYPE_CHECKING:
    from czcheck.evaluating.truth import MaskReading
    from czcheck.images.matching import Intensities
    from czcheck.images.selection import Selection
    from czcheck.progress import CountProgress
    from czcheck.runtime.limits import Backend, RunnerLimits


def evaluate(  # noqa: PLR0913 - options of the command, all by name
    model: str | Path,
    images: str | Path,
    masks: str | Path,
    *,
    mask: str = "labels",
    class_name: str | None = None,
    min_iou: Mapping[str, float] | None = None,
    min_dice: Mapping[str, float] | None = None,
    min_f1: float | None = None,
    min_accuracy: float | None = None,
    pictures: int = 5,
    scene: Selection = None,
    channel: Selection = None,
    time: Selection = None,
    z: Selection = None,
    allow_missing: bool | None = None,
    intensities: Intensities = "exact",
    target: str | None = None,
    fail_on: str | None = None,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    allow_op: Sequence[str] | None = None,
    timeout: float | None = None,
    memory: float | None = None,
    backend: Backend | None = None,
    require_sandbox: bool | None = None,
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    config: str | Path | None = None,
    profile: str | None = None,
    find_config: bool = False,
    progress: CountProgress | None = None,
    **options: Any,
) -> Report:
    """Compare a model's segmentation of labelled images with their masks.

    The static levels are checked as in `verify`; labelled images take the place of test tiles.

    Args:
        model: The archive.
        images: An image, or a folder of them.
        masks: Its mask, or a folder of masks, each named as its image.
        mask: What the values of masks mean: `labels` (LabelValues, 0 where unknown),
            `indices` (classes by number from 0), `instances` (objects of one class by number, 0
            for everything else) or `binary` (anything but 0 for one class).
        class_name: The class that masks of one class show; the second of two if left out.
        min_iou: Least intersection over union by class, 0 to 1; less is an error (CZ501).
        min_dice: Least Dice coefficient by class (CZ501).
        min_f1: Least F1 of the objects (CZ502).
        min_accuracy: Least pixel accuracy (CZ502).
        pictures: How many of the worst planes to draw.
        scene: Scenes, by number or by name; all if left out.
        channel: Channels of the images, likewise.
        time: Points in time, likewise.
        z: Sections, likewise.
        allow_missing: Whether to evaluate images and masks that lack pixels, such as an OME-TIFF
            without one of its files. Missing pixels are 0 and count, and the report names them.
        intensities: What to do with pixels of another depth than the model's, see `for_model`.
        target: Runtime that the network must work in, see `verify`.
        fail_on: Mildest severity that fails the verdict.
        select: Codes or prefixes to check; empty for all.
        ignore: Codes or prefixes to leave out.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        timeout: Most time for loading the network, and for each tile, in seconds.
        memory: Most memory of the network's process, in GiB.
        backend: How networks are run: `auto`, through TensorFlow's C library where that can, or
            `python`.
        require_sandbox: Load no network where it cannot be shut in.
        limits: Limits on everything that is read from the archive.
        runner_limits: All limits on the network's process; `timeout` and `memory` do not count
            then.
        config: Configuration file.
        profile: Profile to put above the configuration.
        find_config: Look for a configuration as the command line does.
        progress: Called after each image with the number done and the number of all.
        **options: Fields of a segmentation's job: `tile`, `border`, `align`, `pad`,
            `min_confidence` (whole percents).

    Returns:
        The report. What was found is in `files[0].looked_at["evaluation"]` as plain data.

    Raises:
        UsageError: No such path, an image without a mask, a wrong option, or a missing package.
        InputError: The model cannot be run, an image or a mask cannot be read, or they do not fit.
        IncompleteError: The network's process could not be started.
    """
    given = {
        "level": "run",
        "target": target,
        "fail-on": fail_on,
        "select": select,
        "ignore": ignore,
        "allow-op": allow_op,
        "timeout": timeout,
        "memory": memory,
        "backend": backend,
        "require-sandbox": require_sandbox,
    }
    need("cztile", *(["skimage"] if mask == "instances" else []))
    path = Path(model)
    settings = Configuration(given, config, profile, find=find_config).of(path)
    checked = settings.options
    job = job_of(
        path,
        {
            **options,
            "allow_op": checked.allow_op,
            "require_sandbox": checked.require_sandbox,
            "limits": runner_limits or checked.runner_limits,
        },
        Selections(scene, channel, time, z, allow_missing=bool(allow_missing)),
        intensities,
    )
    if job.min_confidence != int(job.min_confidence):
        raise UsageError(
            f"a minimum confidence of {job.min_confidence:g} % is not a whole percentage"
        )
    with Model(path, limits) as opened:
        reading = _reading(opened, mask, class_name)
        goals = _goals(reading, min_iou, min_dice, min_f1, min_accuracy)
        labelled = Labelled(Path(images), Path(masks), reading, goals, pictures)
        evaluation = evaluation_of(opened, labelled, job, progress)
        facts = facts_of(opened, checked, labelled=(evaluation, goals))
        outcomes = outcomes_of(opened, settings, facts)
        found = examined(opened, checked.level, facts)
        found = found._replace(evaluation=evaluation.to_json(goals))
        report = report_of(opened, settings, outcomes, found)
        inspection = as_far_as_read(opened, checked.level)
    (outcomes,) = with_waiver_rules([(settings, report.outcomes)])
    report = dataclasses.replace(
        report, outcomes=outcomes, evaluation=evaluation, inspection=inspection
    )
    return Report(__version__, checked, (report,))


def _reading(model: Model, mask: str, class_name: str | None) -> MaskReading:
    try:
        classes = model.metadata.classes
    except UnavailableError as error:
        raise InputError(
            f"{model.path}: cannot be evaluated: {error}; see `czcheck verify`"
        ) from error
    return mask_reading(mask, classes, class_name)


def _goals(
    reading: MaskReading,
    iou: Mapping[str, float] | None,
    dice: Mapping[str, float] | None,
    f1: float | None,
    accuracy: float | None,
) -> Goals:
    """The goals, checked against the classes before anything is run."""
    goals = Goals(dict(iou or {}), dict(dice or {}), f1, accuracy)
    for name in (*goals.iou, *goals.dice):
        if name not in reading.names:
            raise UsageError(f"there is no class {name!r}; there are: {', '.join(reading.names)}")
    for value in (*goals.iou.values(), *goals.dice.values(), f1, accuracy):
        if value is not None and not 0 <= value <= 1:
            raise UsageError(f"a goal of {value:g} cannot be reached; give 0 to 1")
    if f1 is not None and not reading.numbered:
        raise UsageError("F1 of objects needs masks that number them: --mask instances")
    return goals
