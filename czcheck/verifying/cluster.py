"""Checks files on the workers of a dask.distributed cluster, one at a time on each."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from czcheck.clusters import answering, connect
from czcheck.errors import UsageError
from czcheck.runtime.source import WorkerSource
from czcheck.verifying.verification import checked

if TYPE_CHECKING:
    from czcheck.limits import Limits
    from czcheck.report.report import FileReport
    from czcheck.runtime.limits import RunnerLimits
    from czcheck.verifying.planning import FilePlan
    from czcheck.verifying.verification import Looking

# A worker may have several threads; its memory is reckoned for one network.
_ONE_AT_A_TIME = threading.Lock()


def check_on_cluster(
    address: str,
    plans: Sequence[FilePlan],
    limits: Limits,
    runner_limits: RunnerLimits,
    *,
    require_sandbox: bool,
    looking: Looking,
) -> list[FileReport]:
    """Check files, each on some worker; if that is lost, on another one.

    Archives are sent. What else a file's settings name, images, a baseline and another interpreter,
    has to be in the same place on all machines.

    Args:
        address: Address of the scheduler.
        plans: The files and what is in force for each.
        limits: Limits on everything that is read.
        runner_limits: Limits on networks' processes.
        require_sandbox: Whether to run nothing where there is no sandbox.
        looking: What is kept of a run.

    Returns:
        One report for each file, in their order.

    Raises:
        UsageError: It is no address; a specification, whose SavedModel stays where it is; or
            evidence is to be kept.
        IncompleteError: No scheduler answers there, or the cluster is gone.
    """
    if looking.evidence is not None or looking.keep is not None:
        raise UsageError("evidence is kept on this machine; leave --dask or --evidence out")
    for plan in plans:
        if plan.path.suffix.lower() == ".json":
            raise UsageError(f"{plan.path}: a specification is checked where its SavedModel is")
    client = connect(address)
    try:
        with answering(address):
            futures = [
                client.submit(
                    _checked,
                    _absolute(plan),
                    plan.path.read_bytes(),
                    limits,
                    runner_limits,
                    require_sandbox,
                    looking,
                    pure=False,
                )
                for plan in plans
            ]
            reports: list[FileReport] = client.gather(futures)
            return reports
    finally:
        client.close()


def _absolute(plan: FilePlan) -> FilePlan:
    """The plan with a baseline that is found from another working folder, too."""
    golden = plan.golden
    if golden is None:
        return plan
    return dataclasses.replace(plan, golden=dataclasses.replace(golden, path=golden.path.resolve()))


def _checked(
    plan: FilePlan,
    data: bytes,
    limits: Limits,
    runner_limits: RunnerLimits,
    require_sandbox: bool,
    looking: Looking,
) -> FileReport:
    """A task: runs on a worker."""
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix="czcheck-") as folder:
        copy = Path(folder) / plan.path.name
        copy.write_bytes(data)
        source = WorkerSource(None, runner_limits, require_sandbox=require_sandbox)
        with source:
            there = dataclasses.replace(plan, path=copy)
            report = checked(there, limits, source, looking)
    return dataclasses.replace(report, path=str(plan.path))
