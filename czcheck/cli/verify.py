"""`czcheck verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from czcheck.cli import options, reporting
from czcheck.cli.groups import REPORT, SCALE, GroupedCommand, group
from czcheck.cli.printing import progress_bar


@click.command("verify", cls=GroupedCommand)
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
@options.policy
@options.configuration
@group(
    SCALE,
    click.option(
        "--cache-dir",
        metavar="DIR",
        type=click.Path(path_type=Path),
        envvar="CZCHECK_CACHE_DIR",
        help="Folder of the cache, instead of the user's cache folder.",
    ),
    click.option(
        "--dask",
        metavar="ADDRESS",
        help="Check on the workers of a Dask cluster: address of its scheduler (tcp://host:8786).",
    ),
)
@group(
    REPORT,
    reporting.form,
    reporting.reports,
    click.option(
        "--evidence",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Write tile, output and a picture for each finding that has a tile.",
    ),
    reporting.quiet,
)
def command(  # noqa: PLR0913 - one parameter for each option that no configuration can set
    paths: tuple[Path, ...],
    config: Path | None,
    profile: str | None,
    isolated: bool,
    cache_dir: Path | None,
    evidence: Path | None,
    dask: str | None,
    form: str,
    reports: tuple[str, ...],
    quiet: bool,
    **given: Any,
) -> int:
    """Check archives level by level and give a verdict.

    A PATH is an archive, a folder of archives, or a JSON specification, which is checked with the
    SavedModel that it names. At level `run`, the network is loaded in a process of its own and run
    on test tiles.

    Options that are not given are taken from `[tool.czcheck]` in pyproject.toml or from
    czcheck.toml, searched from the working folder upwards; `czcheck config` shows the result.
    """
    from czcheck.verifying.verification import verify

    output = reporting.Reporting(form, reports)
    with progress_bar(enabled=not quiet and given["level"] in (None, "run")) as progress:
        report = verify(
            paths,
            evidence=evidence,
            dask=dask,
            progress=progress,
            config=config,
            profile=profile,
            find_config=not isolated,
            **options.given_values(given),
            gallery=output.shows_pictures,
            cache_dir=cache_dir or _usual_cache,
            written=output.targets,
        )
    return output.deliver(report, quiet=quiet)


def _usual_cache() -> Path | None:
    """The user's cache folder, if verdicts can be stored there; a machine may have no home."""
    from platformdirs import user_cache_path

    from czcheck.cache.store import Store
    from czcheck.errors import UsageError

    folder = user_cache_path("czcheck", appauthor=False)
    try:
        Store(folder)
    except UsageError:
        return None
    return folder
