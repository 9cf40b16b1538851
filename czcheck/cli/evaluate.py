"""`czcheck evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from czcheck.cli import options, reporting
from czcheck.cli.groups import GOALS, REPORT, GroupedCommand, Number, WholeNumber, group
from czcheck.cli.printing import counted

if TYPE_CHECKING:
    from czcheck.report.report import Report
    from czcheck.sources import Sources
    from czcheck.targets import Target


def _goals(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> dict[str, float]:
    goals = {}
    for each in value:
        # A class may have any name, one with `=` in it too.
        name, sign, number = each.rpartition("=")
        try:
            goals[name] = float(number)
        except ValueError:
            sign = ""
        if not sign or not name:
            raise click.BadParameter(
                f"{each!r} is not a goal; write CLASS=VALUE, such as Nucleus=0.9", ctx, param
            )
    return goals


@click.command("evaluate", cls=GroupedCommand)
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.argument("images", metavar="IMAGES", type=click.Path(path_type=Path))
@click.argument("masks", metavar="MASKS", type=click.Path(path_type=Path))
@group(
    GOALS,
    click.option(
        "--mask",
        type=click.Choice(("labels", "indices", "instances", "binary")),
        default="labels",
        show_default=True,
        help="Meaning of mask values: LabelValues (0: unknown), classes by number from 0,"
        " objects of one class by number (0: everything else), or one class (0: everything else).",
    ),
    click.option(
        "--class",
        "class_name",
        metavar="NAME",
        help="Class that masks of one class show.  [default: the second of two]",
    ),
    click.option(
        "--min-confidence",
        type=WholeNumber(0, 100),
        default=0,
        show_default=True,
        metavar="PERCENT",
        help="Pixels below it have no class in the figures of classes and objects.",
    ),
    click.option(
        "--min-iou",
        multiple=True,
        callback=_goals,
        metavar="CLASS=VALUE",
        help="Least intersection over union of a class, 0 to 1; less is an error (CZ501);"
        " repeatable.",
    ),
    click.option(
        "--min-dice",
        multiple=True,
        callback=_goals,
        metavar="CLASS=VALUE",
        help="Least Dice coefficient of a class, likewise; repeatable.",
    ),
    click.option(
        "--min-f1",
        type=Number(0, 1),
        metavar="VALUE",
        help="Least F1 of the objects at an IoU of 0.5; less is an error (CZ502).",
    ),
    click.option(
        "--min-accuracy",
        type=Number(0, 1),
        metavar="VALUE",
        help="Least pixel accuracy; less is an error (CZ502).",
    ),
)
@options.images
@options.tiling
@options.judging
@options.limiting
@options.configuration
@group(
    REPORT,
    reporting.form,
    reporting.reports,
    click.option(
        "--csv",
        "table",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Table with a row for each image.",
    ),
    click.option(
        "--pictures",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Write previews of the worst images: image, truth, prediction, and where they differ.",
    ),
    click.option(
        "--worst",
        type=WholeNumber(min=1),
        default=5,
        show_default=True,
        metavar="N",
        help="Number of worst images.",
    ),
    reporting.quiet,
)
def command(  # noqa: PLR0913 - those that are not handed on as they are
    model: Path,
    images: Path,
    masks: Path,
    table: Path | None,
    pictures: Path | None,
    worst: int,
    isolated: bool,
    form: str,
    reports: tuple[str, ...],
    quiet: bool,
    **given: Any,
) -> int:
    """Compare a model's segmentation of labelled images with their masks.

    IMAGES and MASKS are folders whose files are paired by name, or one image and its mask. Every
    pixel is segmented as `czcheck segment` does; figures are of pixels (accuracy, IoU, Dice), of
    objects if masks number them (F1), and of the confidence. With goals, the verdict can fail.
    """
    from czcheck.evaluating.verdict import evaluate

    output = reporting.Reporting(form, reports)

    def sources() -> Sources:
        from czcheck.configuration.configuration import Configuration
        from czcheck.verifying.checking import sources_of

        configured = Configuration({}, given["config"], given["profile"], find=not isolated)
        read = sources_of([model], configured)
        read.images(images)
        read.images(masks, "a mask")
        return read

    output.guard(sources, _targets(table, pictures))
    _check_writable(table, pictures)
    with counted("evaluating", "images", enabled=not quiet) as progress:
        report = evaluate(
            model,
            images,
            masks,
            pictures=worst,
            progress=progress,
            find_config=not isolated,
            **options.given_values(given),
        )
    _write(report, table, pictures)
    return output.deliver(report, quiet=quiet)


def _targets(table: Path | None, pictures: Path | None) -> list[Target]:
    """What is written in addition to the reports."""
    from czcheck.targets import Target, Way

    targets = []
    if table is not None:
        targets.append(Target(f"--csv {table}", table))
    if pictures is not None:
        targets.append(Target(f"--pictures {pictures}", pictures, Way.PICTURES))
    return targets


def _check_writable(table: Path | None, pictures: Path | None) -> None:
    """Check that the table and the previews can be written."""
    if table is not None:
        from czcheck.files import check_writable

        check_writable(table)
    if pictures is not None:
        from czcheck.verifying.evidence import check_folder

        check_folder(pictures)


def _write(report: Report, table: Path | None, pictures: Path | None) -> None:
    evaluation = report.files[0].evaluation
    assert evaluation is not None
    if table is not None:
        from czcheck.files import placing
        from czcheck.report.evaluation_text import evaluation_csv

        with placing(table) as temporary:
            temporary.write_text(evaluation_csv(evaluation), encoding="utf-8")
    if pictures is not None:
        from czcheck.verifying.evidence import write_pictures

        file = report.files[0]
        write_pictures(
            pictures, evaluation.pictures, archive=Path(file.path).name, sha256=file.sha256
        )
