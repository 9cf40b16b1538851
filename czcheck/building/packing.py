"""The archive around a lowered network: written, and verified before it gets its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.archive.write import write_archive
from czcheck.errors import IncompleteError, InputError
from czcheck.metadata.model_metadata import to_xml
from czcheck.network.kernels import unwritten
from czcheck.report.record import Verdict

if TYPE_CHECKING:
    from czcheck.building.options import BuildOptions
    from czcheck.building.process import Lowering
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.report.report import Report


def pack(
    target: Path,
    lowering: Lowering,
    metadata: ModelMetadata,
    licence: Path | None = None,
    others: Iterable[tuple[str, Path]] = (),
) -> None:
    """Write an archive. Section 1.1 of the format; the order is ZEN's own.

    Args:
        target: The file to write.
        lowering: The lowered network.
        metadata: The model's metadata.
        licence: Licence file to add; None for none.
        others: Further members: name and content of each.

    Raises:
        InputError: The metadata cannot be written.
        OSError: The file cannot be written.
    """
    model_id = metadata.model_id
    payload = lowering.folder.with_name("payload.zip")
    with payload.open("wb") as stream:
        paths = sorted(path for path in lowering.folder.rglob("*") if path.is_file())
        files = [(path.relative_to(lowering.folder).as_posix(), path) for path in paths]
        write_archive(stream, files, deflate=False)
    members: list[tuple[str, bytes | Path]] = [
        (f"modelid={model_id}", b""),
        (f"{model_id}.xml", to_xml(metadata)),
        (f"{model_id}.model", payload),
    ]
    if licence is not None:
        members.append((licence.name, licence))
    members.extend(others)
    with target.open("wb") as stream:
        write_archive(stream, members)


def verified(
    temporary: Path,
    target: Path,
    source: Path,
    options: BuildOptions,
    tiles: tuple[Path, ...] = (),
) -> Report:
    """Verify an archive, level `run`.

    Args:
        temporary: The archive.
        target: The name that it is to get.
        source: What it was made from, to name in errors.
        options: The options of the build.
        tiles: Images to run in addition to the built-in test tiles.

    Returns:
        The report, under the name that the archive is to get.

    Raises:
        InputError: The archive fails.
        IncompleteError: It could not be checked whole.
    """
    from czcheck.verifying.verification import verify  # noqa: PLC0415

    report = verify(
        temporary,
        level="run",
        allow_op=options.allow_op,
        tiles=tiles,
        limits=options.limits,
        runner_limits=options.runner_limits,
    )
    files = tuple(dataclasses.replace(file, path=str(target)) for file in report.files)
    report = dataclasses.replace(report, files=files)
    if report.verdict is Verdict.FAILED:
        faults = [f for f in report.findings if f.severity.rank <= report.options.fail_on.rank]
        message = unwritten(faults[0].message, str(dict(faults[0].fields).get("remedy", "")))
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(
            f"{source}: the archive would not pass verification, so it was not written: "
            f"{faults[0].code} {message}{more}"
        )
    if report.verdict is Verdict.INCOMPLETE:
        reasons = [
            f"{outcome.code}: {outcome.reason}"
            for file in report.files
            for outcome in file.outcomes
            if outcome.reason
        ]
        first = f" ({reasons[0]})" if reasons else ""
        raise IncompleteError(
            f"{target}: not written, because it could not be verified whole{first}; "
            "--no-verify builds without"
        )
    return report
