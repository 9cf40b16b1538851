"""Prints lines, tables and progress: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from czcheck.progress import CountProgress, FileProgress

if TYPE_CHECKING:
    from czcheck.text import Line

_STYLES = {
    "passed": "bold green",
    "failed": "bold red",
    "incomplete": "bold yellow",
    "error": "red",
    "warning": "yellow",
    "note": "cyan",
    "crashed": "bold magenta",
    "fix": "dim",
    "skipped": "dim",
    "waived": "dim",
    "counts": "dim",
    "heading": "bold",
}


def print_lines(lines: Iterable[Line]) -> None:
    """Print lines to standard output.

    Args:
        lines: Lines with their styles.
    """
    with unread_is_fine():
        _print_lines(lines)


@contextmanager
def unread_is_fine() -> Iterator[None]:
    """Let a reader of our output go away, as `head` does, without changing the exit code."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Whatever is still buffered has nowhere to go; without this Python fails at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_lines(lines: Iterable[Line]) -> None:
    if not sys.stdout.isatty():
        for line in lines:
            click.echo(line.text)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        text = Text(line.text, style=_STYLES.get(line.style, ""))
        if line.swatch:
            text = Text.assemble("  ", ("\u2588\u2588", line.swatch), " ", text)
        console.print(text)


def print_errors(messages: Iterable[str]) -> None:
    """Print messages to standard error, each on a line.

    Args:
        messages: What the user has to know, whatever else is printed.
    """
    from czcheck.text import printable

    for message in messages:
        click.echo(f"czcheck: {printable(message)}", err=True)


def print_json(value: object) -> None:
    """Print plain data as JSON to standard output.

    Args:
        value: What JSON can hold.
    """
    from czcheck.report.json_form import json_text

    print_text(json_text(value))


def print_text(text: str) -> None:
    """Print text that is whole, and safe to print, to standard output.

    Args:
        text: The text, with a line end at its end.
    """
    with unread_is_fine():
        click.echo(text, nl=False)


@contextmanager
def counted(doing: str, things: str, *, enabled: bool) -> Iterator[CountProgress | None]:
    """A bar with rate and time left; nothing where standard error is no terminal.

    Args:
        doing: What is done, such as `segmenting`.
        things: What is counted, such as `tiles`.
        enabled: Whether to show a bar at all.

    Yields:
        The function to call with the number done and the number of all, or None.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f} {things}/s")

    bar = Progress(
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(things),
        Rate(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(doing, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


@contextmanager
def progress_bar(*, enabled: bool) -> Iterator[FileProgress | None]:
    """A progress bar on standard error while tiles run; nothing where that is no terminal.

    Args:
        enabled: Whether to show it at all.

    Yields:
        The function to call after each tile, or None.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from czcheck.text import printable

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tiles"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        tasks: dict[Path, int] = {}

        def advance(path: Path, done: int, total: int) -> None:
            if path not in tasks:
                tasks[path] = int(bar.add_task(printable(path.name), total=total))
            bar.update(tasks[path], completed=done)  # type: ignore[arg-type]

        yield advance
