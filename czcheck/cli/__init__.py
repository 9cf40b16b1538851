"""The command line: parse, call the API, print, exit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from czcheck._version import __version__
from czcheck.errors import IncompleteError, InputError, UsageError

EXIT_INTERRUPTED = 130


class _Commands(click.Group):
    """The commands, each imported when it is called, so that `--help` stays quick."""

    groups = {  # noqa: RUF012 - never changed
        "Check models": {
            "verify": "Check archives level by level and give a verdict.",
            "diff": "Show what changed between two releases of a model.",
            "evaluate": "Compare a model's segmentation of labelled images with their masks.",
            "baseline": "Store a model's outputs, to compare later models with.",
        },
        "Make models": {
            "init": "Write a specification to start from.",
            "build": "Build a conformant archive from a SavedModel or a Keras file.",
            "repair": "Rewrite an archive in canonical and portable form.",
        },
        "Inspect and use models": {
            "inspect": "Show what is inside an archive, without running it.",
            "segment": "Segment images of any size, tile by tile as ZEN does.",
        },
        "Rules and settings": {
            "rules": "List the rules, or explain one.",
            "config": "Print the effective configuration.",
        },
    }
    homes = {name: about for group in groups.values() for name, about in group.items()}  # noqa: RUF012

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self.homes:
            return None
        import importlib

        module = importlib.import_module(f"czcheck.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from czcheck.text import nearest

            if near := nearest(args[0], self.homes):
                hint = f"Did you mean {near!r}?"
            elif os.path.exists(args[0]):  # noqa: PTH110 - no pathlib before it is needed
                hint = f"To check that file: czcheck verify {args[0]}"
            else:
                raise
            message = f"{error.format_message()} {hint}"
            raise click.UsageError(message, error.ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        longest = max(map(len, self.homes))
        for title, group in self.groups.items():
            with formatter.section(title):
                rows = [(name.ljust(longest), about) for name, about in group.items()]
                formatter.write_dl(rows)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", prog_name="czcheck")
def cli() -> None:
    """Validate, inspect, build and run czmodel files for ZEISS ZEN Intellesis.

    Start with `czcheck verify MODEL.czmodel`; `czcheck COMMAND --help` describes a command.

    Exit codes: 0 passed or built; 1 a finding that fails, or an input that cannot be built;
    2 usage; 3 not everything could be checked; 130 interrupted.
    """


def fail(message: str, code: int) -> NoReturn:
    """Print one clear message to standard error and exit.

    Args:
        message: The message; may span lines.
        code: The exit code.
    """
    from czcheck.text import printable_lines

    click.echo(f"czcheck: {printable_lines(message)}", err=True)
    raise SystemExit(code)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        args: Arguments; those of the process if left out.
    """
    try:
        result: Any = cli.main(args=args, prog_name="czcheck", standalone_mode=False)
    except click.ClickException as error:
        import io

        from czcheck.text import printable_lines

        # It repeats the arguments, and a shell may have taken those from a folder of any files.
        text = io.StringIO()
        error.show(file=text)
        click.echo(printable_lines(text.getvalue()), err=True)
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        fail("interrupted", EXIT_INTERRUPTED)
    except KeyboardInterrupt:
        fail("interrupted", EXIT_INTERRUPTED)
    except UsageError as error:
        fail(str(error), 2)
    except InputError as error:
        fail(str(error), 1)
    except IncompleteError as error:
        fail(str(error), 3)
    except MemoryError:
        fail("out of memory", 3)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        fail(f"{place}{error.strerror or error}", 3)
    except Exception as error:
        if os.environ.get("CZCHECK_DEBUG"):
            raise
        fail(
            f"internal error: {type(error).__name__}: {error}"
            " - please report this; CZCHECK_DEBUG=1 shows where it happened",
            3,
        )
    raise SystemExit(result if isinstance(result, int) else 0)
