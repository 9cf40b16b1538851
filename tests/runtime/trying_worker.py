"""The worker, which in place of its network does what a network must not.

The network that it loads is a harmless one; what the worker does stands behind the last `_` in the
name of the network's input, and is done when the first tile comes. A command `try` tries what the
process is kept from.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RUNTIME = HERE.parents[1] / "czcheck" / "runtime"
Record = dict[str, Any]


def module(folder: Path, name: str) -> Any:
    """Load a file by its path: isolated mode searches no folder of ours."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


# Both before the process is shut in.
attempts = module(HERE, "attempts")
worker = module(RUNTIME, "worker")


def aborts() -> None:
    """End as a failed check in the library does."""
    os.write(2, b"Fatal: enough of this\n")
    os.abort()


def leaves() -> None:
    """End as if all were well."""
    os._exit(0)


def floods() -> None:
    """Write eight times as much log as is allowed."""
    for _ in range(128):
        os.write(2, b"x" * (1 << 16))


DOINGS: dict[str, Callable[[], None]] = {"aborts": aborts, "leaves": leaves, "floods": floods}
doing: list[str] = []


def load(runner: Any, request: Record) -> Any:
    """Load the network."""
    doing[:] = [request["input"]["key"].rpartition("_")[2]]
    return runner.load(request)


def predict(runner: Any, request: Record) -> Any:
    """Do what the input's name asks for, and run the tile if there is anything left that can."""
    if doing[0] in DOINGS:
        DOINGS[doing[0]]()
    return runner.predict(request)


def attempt(runner: Any, request: Record) -> Record:
    """Try everything, or what is named."""
    inside = str(Path.cwd())
    tried = attempts.attempts(request["outside"], inside, request["held"], os.getppid())
    for number, path in enumerate(request["neighbours"]):
        tried[f"write to neighbour {number}"] = partial(attempts.write, path)
    names = request["names"] or list(tried)
    return {"outcomes": attempts.outcomes({name: tried[name] for name in names})}


MORE = {"load": load, "predict": predict, "try": attempt}

if __name__ == "__main__":
    worker.end(worker.main(MORE))
