"""Connecting to a dask.distributed cluster, and what goes wrong with one in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from czcheck._version import __version__
from czcheck.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from distributed import Client

SECONDS_TO_CONNECT = 20


def need_distributed() -> None:
    """Check that the extra for clusters is installed, before anything that imports it.

    Raises:
        UsageError: It is not.
    """
    if find_spec("distributed") is None:
        raise UsageError("a cluster needs the package distributed; pip install 'czcheck[dask]'")


def connect(address: str) -> Client:
    """Connect to a cluster whose workers have this version of czcheck.

    Args:
        address: Address of the scheduler, such as `tcp://host:8786`.

    Raises:
        UsageError: It is no address, or dask.distributed is not installed.
        IncompleteError: No scheduler responds there, it has no worker, or workers have another
            version of czcheck, or none.
    """
    need_distributed()
    from distributed import Client  # noqa: PLC0415 - slow, and not for all

    try:
        client: Any = Client(
            address, timeout=SECONDS_TO_CONNECT, set_as_default=False, name="czcheck"
        )
    except (OSError, TimeoutError) as error:
        raise IncompleteError(
            f"{address}: no Dask scheduler responds there ({type(error).__name__}); start one with "
            "`dask scheduler`, and workers with `dask worker`"
        ) from None
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{address!r} is not an address of a Dask scheduler; write tcp://host:8786 ({error})"
        ) from None
    try:
        _check(client, address)
    except BaseException:
        client.close()
        raise
    return client


def _check(client: Client, address: str) -> None:
    with cluster_errors(address):
        versions: dict[str, Any] = client.run(_version, on_error="return")
    if not versions:
        raise IncompleteError(f"{address}: the cluster has no worker; start one with `dask worker`")
    for worker, version in versions.items():
        if version != __version__:
            has = f"czcheck {version}" if isinstance(version, str) else "no czcheck"
            raise IncompleteError(
                f"{address}: the worker {worker} has {has}, this is {__version__}; install "
                "the same version on all machines"
            )


def _version() -> str:
    """Runs on each worker."""
    return __version__


@contextmanager
def cluster_errors(address: str) -> Iterator[None]:
    """A context that turns errors of a cluster into one-line messages.

    Raises:
        IncompleteError: It is gone, or lost too many workers over one task.
    """
    from distributed import CancelledError, KilledWorker  # noqa: PLC0415
    from distributed.comm import CommClosedError  # noqa: PLC0415

    try:
        yield
    except KilledWorker as error:
        raise IncompleteError(
            f"{address}: workers died repeatedly on the same tiles; see the log of "
            f"{error.last_worker.address}"
        ) from None
    except (CancelledError, CommClosedError, TimeoutError) as error:
        raise IncompleteError(
            f"{address}: the Dask cluster no longer responds ({type(error).__name__})"
        ) from None
