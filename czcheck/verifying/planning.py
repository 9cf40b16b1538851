"""What each file of a call is checked by, and all that checking them reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.configuration.configuration import Configuration
from czcheck.configuration.settings import Settings
from czcheck.images.folders import images_in
from czcheck.sources import Sources

if TYPE_CHECKING:
    from czcheck.runtime.baseline import Baseline


@dataclass(frozen=True, slots=True)
class FileToCheck:
    """One file with its settings and its baseline.

    Attributes:
        path: The file.
        settings: Its effective settings.
        baseline: The stored outputs to compare with; None for none.
    """

    path: Path
    settings: Settings
    baseline: Baseline | None


def file_to_check(path: Path, settings: Settings) -> FileToCheck:
    """One file with its settings and its baseline, after checking that its images exist.

    Args:
        path: The file.
        settings: Its effective settings.

    Raises:
        UsageError: An image does not exist, a folder has none, or the baseline is not one.
    """
    options = settings.options
    check_images(options.tiles)
    baseline = None
    if options.baseline is not None:
        from czcheck.runtime.baseline_file import read_baseline  # noqa: PLC0415

        baseline = read_baseline(options.baseline).with_tolerances(options.tolerances)
    return FileToCheck(path, settings, baseline)


def sources_of(
    paths: Iterable[Path], configured: Configuration, python: str | None = None
) -> Sources:
    """All that checking some files reads.

    Args:
        paths: The files.
        configured: The configuration of the call.
        python: Interpreter that runs the networks; None for this one.
    """
    sources = Sources()
    paths = list(paths)
    for path in paths:
        sources.model(path)
    configured.add_sources(sources, paths)
    sources.program(python, "the interpreter that runs the network")
    return sources


def check_images(paths: Iterable[Path]) -> None:
    """Check that there are images where some were named, before anything is run.

    Args:
        paths: Images, and folders of them.

    Raises:
        UsageError: One does not exist, or a folder has none.
    """
    for path in paths:
        images_in(path)
