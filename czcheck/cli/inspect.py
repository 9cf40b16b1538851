"""`czcheck inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from czcheck.cli.groups import text_or_json
from czcheck.cli.printing import print_json, print_lines


@click.command("inspect")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@text_or_json
def command(path: Path, form: str) -> int:
    """Show what is inside an archive, without running it and without importing TensorFlow.

    Members, metadata, signature, operations and parameters. Parts that cannot be read are named;
    `czcheck verify` explains why.
    """
    from czcheck.api import open_model
    from czcheck.archive.container import ContainerKind
    from czcheck.errors import InputError, UnavailableError
    from czcheck.report.inspection import inspection
    from czcheck.report.inspection_text import inspection_lines
    from czcheck.report.json_form import plain_json

    with open_model(path) as model:
        try:
            plain = inspection(model)
        except UnavailableError:
            raise InputError(f"{path}: {model.damage}") from None
    if form == "json":
        print_json(plain_json(plain))
    else:
        print_lines(inspection_lines(plain))
    return 0 if plain["kind"] == ContainerKind.CZMODEL.value else 1
