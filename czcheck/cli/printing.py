"""Prints lines and tables: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from czcheck.report.lines import Line

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
