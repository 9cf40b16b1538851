"""`czcheck segment`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from czcheck.cli import options
from czcheck.cli.groups import REPORT, RESULTS, RUN, SCALE, GroupedCommand, Number, group, percent
from czcheck.cli.printing import counted, print_json, print_lines

if TYPE_CHECKING:
    from czcheck.runtime.limits import Backend


@click.command("segment", cls=GroupedCommand)
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path(path_type=Path)
)
@group(
    RESULTS,
    click.option(
        "--output",
        "-o",
        metavar="FILE|DIR",
        help="Label image; its extension chooses the format (.ome.tif, .ome.zarr, .czi, .png). "
        "A folder for several images.",
    ),
    click.option(
        "--format",
        "folder_format",
        type=click.Choice(("ome.tif", "ome.zarr", "czi", "png")),
        default="ome.tif",
        show_default=True,
        help="Format of the files in folders; png for labels alone.",
    ),
    click.option(
        "--probabilities", metavar="FILE|DIR", help="Image of the probability of each class."
    ),
    click.option("--confidence-map", metavar="FILE|DIR", help="Image of the largest probability."),
    click.option(
        "--overlay",
        metavar="FILE|DIR",
        help="Preview (.png): the image under the classes' colours, with a legend.",
    ),
    click.option(
        "--objects",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Table (.csv, .parquet) with a row for each connected object.",
    ),
    click.option(
        "--class",
        "classes",
        multiple=True,
        metavar="NAME",
        help="Class whose objects are measured; repeatable.  [default: all]",
    ),
    click.option(
        "--min-confidence",
        type=Number(0, 100),
        callback=percent,
        default=0,
        show_default=True,
        metavar="PERCENT",
        help="Pixels whose largest probability is lower get label 0.",
    ),
    click.option(
        "--seams",
        is_flag=True,
        help="Segment twice, and report where labels depend on the positions of tiles.",
    ),
)
@options.images
@options.tiling
@group(
    RUN,
    options.allow_op,
    options.limiting,
)
@group(
    SCALE,
    click.option(
        "--dask",
        metavar="ADDRESS",
        help="Segment on the workers of a Dask cluster: address of its scheduler (tcp://host:8786)."
        " Results are OME-Zarr.",
    ),
    click.option("--resume", is_flag=True, help="Continue interrupted OME-Zarr results."),
)
@group(
    REPORT,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    click.option("--quiet", "-q", is_flag=True, help="Print only what went wrong."),
)
def command(  # noqa: PLR0913 - options, by name
    model: Path,
    images: tuple[Path, ...],
    output: str | None,
    timeout: float | None,
    memory: float | None,
    backend: Backend | None,
    require_sandbox: bool | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Segment images of any size, tile by tile as ZEN does.

    An IMAGE is a PNG, TIFF, OME-TIFF, CZI or OME-Zarr, or a folder of them. Each tile has exactly
    the network's size; at least BorderSize pixels at borders between tiles are discarded, nothing
    is blended. In the label image, 0 means below the minimum confidence; other values are the
    model's LabelValues.
    """
    from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, given_limits
    from czcheck.segmenting.segmentation import segment
    from czcheck.segmenting.text import segmentation_lines

    limits = given_limits(timeout, memory, backend) or DEFAULT_RUNNER_LIMITS
    with counted("segmenting", "tiles", enabled=not quiet) as progress:
        result = segment(
            model,
            images,
            output,
            progress=progress,
            unfinished=_report_unfinished,
            runner_limits=limits,
            require_sandbox=bool(require_sandbox),
            **given,
        )
    if as_json:
        print_json(result.to_json())
    else:
        print_lines(segmentation_lines(result, quiet=quiet))
    return result.exit_code


def _report_unfinished(place: str) -> None:
    from czcheck.text import printable

    click.echo(f"czcheck: {printable(place)} is unfinished; --resume continues it", err=True)
