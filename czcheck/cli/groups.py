"""Help that shows the options of a command in groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_COLUMN = 30  # as wide as click makes the first column at most
# What these are for, in the order of help.
CHECKED = "What is checked"
RESULTS = "Results"
GOALS = "Masks and goals"
RUN = "How the network is run"
IMAGES = "Images and tiles"
REPORT = "What is printed and written"
SCALE = "Speed and scale"
CONFIGURATION = "Configuration"
OTHER = "Other options"
_ORDER = (RESULTS, GOALS, CHECKED, IMAGES, RUN, REPORT, SCALE, CONFIGURATION, OTHER)


def group(title: str, *decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, shown under a title by `GroupedCommand`.

    Args:
        title: One of the titles of this module.
        *decorators: The options, in the order in which help shows them. One that has a group of
            its own keeps it.
    """

    def decorate(command: Any) -> Any:
        before = len(getattr(command, "__click_params__", ()))
        for decorator in reversed(decorators):
            command = decorator(command)
        for option in command.__click_params__[before:]:
            option.group = getattr(option, "group", title)
        return command

    return decorate


class GroupedCommand(click.Command):
    """A command whose help shows its options by what they are for."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each group under its title."""
        groups: dict[str, list[tuple[str, str]]] = {title: [] for title in _ORDER}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if isinstance(param, click.Option) and record is not None:
                groups[getattr(param, "group", OTHER)].append((record[0].ljust(_COLUMN), record[1]))
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
