"""Checks files on the workers of a dask.distributed cluster, one at a time on each."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.clusters import cluster_errors, connect
from czcheck.errors import UsageError
from czcheck.runtime.source import WorkerSource

if TYPE_CHECKING:
    from czcheck.limits import Limits
    from czcheck.report.report import FileReport
    from czcheck.runtime.limits import RunnerLimits
    from czcheck.verifying.checking import FileToCheck
    from czcheck.verifying.running import Recording

# A worker may have several threads; its memory is reckoned for one network.
_ONE_AT_A_TIME = threading.Lock()


def check_on_cluster(
    address: str,
    files: Sequence[FileToCheck],
    limits: Limits,
    runner_limits: RunnerLimits,
    *,
    require_sandbox: bool,
    recording: Recording,
) -> list[FileReport]:
    """Check files, each on some worker; if that is lost, on another one.

    Archives are sent. What else a file's settings name, images, a baseline and another interpreter,
    has to be in the same place on all machines.

    Args:
        address: Address of the scheduler.
        files: The files and the effective settings of each.
        limits: Limits on everything that is read.
        runner_limits: Limits on networks' processes.
        require_sandbox: Whether to run nothing where there is no sandbox.
        recording: What is stored of a run.

    Returns:
        One report for each file, in their order.

    Raises:
        UsageError: It is no address; a specification, whose SavedModel stays where it is; or
            evidence is requested.
        IncompleteError: No scheduler responds there, or the cluster is gone.
    """
    if recording.evidence is not None or recording.on_output is not None:
        raise UsageError("evidence is stored on this machine; leave --dask or --evidence out")
    for file in files:
        if file.path.suffix.lower() == ".json":
            raise UsageError(f"{file.path}: a specification is checked where its SavedModel is")
    client = connect(address)
    try:
        with cluster_errors(address):
            futures = [
                client.submit(
                    _checked,
                    _absolute(file),
                    file.path.read_bytes(),
                    limits,
                    runner_limits,
                    require_sandbox,
                    recording,
                    pure=False,
                )
                for file in files
            ]
            reports: list[FileReport] = client.gather(futures)
            return reports
    finally:
        client.close()


def _absolute(file: FileToCheck) -> FileToCheck:
    """The plan with a baseline that is found from another working folder, too."""
    baseline = file.baseline
    if baseline is None:
        return file
    return dataclasses.replace(
        file, baseline=dataclasses.replace(baseline, path=baseline.path.resolve())
    )


def _checked(
    file: FileToCheck,
    data: bytes,
    limits: Limits,
    runner_limits: RunnerLimits,
    require_sandbox: bool,
    recording: Recording,
) -> FileReport:
    """A task: runs on a worker."""
    from czcheck.verifying.checking import check_file  # noqa: PLC0415

    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="czcheck-") as folder:
        copy = Path(folder) / file.path.name
        copy.write_bytes(data)
        source = WorkerSource(None, runner_limits, require_sandbox=require_sandbox)
        with source:
            there = dataclasses.replace(file, path=copy)
            report = check_file(there, limits, source, recording)
    return dataclasses.replace(report, path=str(file.path))
