"""Where the workers of one call come from, and how many files are worked on at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.runtime.worker import PYTHON

if TYPE_CHECKING:
    from typing_extensions import Self

    from czcheck.network.facts import Network
    from czcheck.runtime.networks import Worker

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerSource:
    """Makes workers, and ends them all on leaving. A context manager."""

    def __init__(
        self,
        python: str | None = None,
        limits: RunnerLimits | None = None,
        *,
        require_sandbox: bool = False,
    ) -> None:
        """Start nothing yet.

        Args:
            python: Interpreter to run networks in; this one if left out.
            limits: Limits that hold for each process.
            require_sandbox: Whether to load nothing where there is no sandbox.
        """
        self._python = python
        self._limits = limits or DEFAULT_RUNNER_LIMITS
        self._require_sandbox = require_sandbox
        self._workers: WeakSet[Worker] = WeakSet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def worker(
        self,
        python: str | None = None,
        *,
        slots: int = 1,
        network: Network | None = None,
    ) -> Worker:
        """A worker, not started yet.

        Args:
            python: Its interpreter, if it is not to be the one that runs all networks.
            slots: How many tiles may be under way at a time.
            network: Facts of the network that it is to load, if they are known: which loader it
                needs decides how TensorFlow is reached.
        """
        from czcheck.runtime.networks import (  # noqa: PLC0415 - only where something runs
            OBJECT_LOADER,
            Worker,
        )

        by_object = network is not None and network.loader == "object"
        worker = Worker(
            python or self._python,
            self._limits,
            require_sandbox=self._require_sandbox,
            slots=slots,
            backend=PYTHON if by_object else None,
            reason=OBJECT_LOADER if by_object else None,
        )
        self._workers.add(worker)
        return worker

    def close(self) -> None:
        """End every process. Whoever waits for one sees it die."""
        for worker in list(self._workers):
            worker.kill()


def in_order(
    items: Sequence[Item], work: Callable[[Item], Result], jobs: int, stop: Callable[[], None]
) -> list[Result]:
    """Do work on several items at a time, in threads.

    Args:
        items: What to work on.
        work: What to do with each.
        jobs: How many at a time, from 1.
        stop: Called if one fails or the user interrupts, to cut the others short.

    Returns:
        The results in the order of the items.
    """
    if jobs <= 1 or len(items) <= 1:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    # Threads that start workers have to outlive them: a worker dies with its thread on Linux.
    with ThreadPoolExecutor(min(jobs, len(items)), "czcheck") as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            return [each.result() for each in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise
