"""Help of commands with many options: each stands under a title that says what it is for."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from czcheck.cli import cli
from czcheck.cli.groups import OTHER


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^(\S[^\n]*):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", ["verify", "evaluate", "segment", "diff"])
def test_each_option_stands_in_one_group(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    found = sections(CliRunner().invoke(cli, [name, "--help"]).output)
    shown = [
        option
        for text in found.values()
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", text, re.MULTILINE)
    ]
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert len(shown) == len(set(shown)) == len(options) + 1
    assert len(found) > 4
    assert re.findall(r"^  (\S+)", found[OTHER], re.MULTILINE) == ["-h,"]
