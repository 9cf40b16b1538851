"""`--format` and its short form `--json`, alike in all commands that print data."""

from __future__ import annotations

from typing import Any

import click

from czcheck.cli.groups import REPORT, group

_JSON_FLAG = "czcheck.json"


def _check(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    ctx.meta[_JSON_FLAG] = value


def with_json(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """The requested format, by `--format` or by `--json`.

    Args:
        ctx: The call.
        param: The option `--format`.
        value: Its value.

    Raises:
        click.BadParameter: Both are given, and they disagree.
    """
    if not ctx.meta.get(_JSON_FLAG):
        return value
    explicit = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    if explicit and value != "json":
        raise click.BadParameter(f"--json and --format {value}: give one of them", ctx, param)
    return "json"


as_json = click.option(
    "--json",
    is_flag=True,
    is_eager=True,  # before `--format`, whose value it may take the place of
    expose_value=False,
    callback=_check,
    help="The same as --format json.",
)
text_or_json = group(
    REPORT,
    click.option(
        "--format",
        "form",
        type=click.Choice(("text", "json")),
        default="text",
        show_default=True,
        callback=with_json,
        help="What to print.",
    ),
    as_json,
)
