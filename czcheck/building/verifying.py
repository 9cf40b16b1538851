"""The last step of a build: verify what was written before it gets its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.errors import IncompleteError, InputError
from czcheck.network.kernels import unwritten
from czcheck.report.record import Verdict

if TYPE_CHECKING:
    from czcheck.limits import Limits
    from czcheck.report.report import Report
    from czcheck.runtime.limits import RunnerLimits


def verified(
    temporary: Path,
    target: Path,
    source: Path,
    *,
    tiles: Sequence[Path] = (),
    allow_op: Sequence[str] = (),
    limits: Limits,
    runner_limits: RunnerLimits | None,
) -> Report:
    """Verify an archive, level `run`.

    Args:
        temporary: The archive.
        target: The name that it is to get.
        source: What it was made from, to name in errors.
        tiles: Images to run beside the built-in test tiles.
        allow_op: Operations to admit though they are not on the allowlist.
        limits: Limits on everything that is read.
        runner_limits: Limits on time and memory of the network's process.

    Returns:
        The report, under the archive's name to be.

    Raises:
        InputError: The archive fails.
        IncompleteError: It could not be checked whole.
    """
    from czcheck.verifying.verification import verify  # noqa: PLC0415

    report = verify(
        temporary,
        level="run",
        allow_op=allow_op,
        tiles=tiles,
        limits=limits,
        runner_limits=runner_limits,
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
