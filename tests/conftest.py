"""What tests share: the real files, and interpreters with other runtimes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import forked_builds
from hypothesis import settings

ROOT = Path(__file__).parent.parent
# Commands are to do what is tested, in processes of their own as well; `--cache` is tested by name.
os.environ["CZCHECK_CACHE"] = "0"
# A shell that starts tests in the background has them, and the commands they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A gate says the same of the same commit: it draws the same examples. A search draws new ones:
# `pytest --hypothesis-profile search`.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=5000, deadline=None)
settings.load_profile("gate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that `make quick` leaves out come first.

    They take longest. The many short ones behind them keep every process of a run busy to its end.
    """
    slow = ("tensorflow", "slow")
    first = {item.path for item in items if any(map(item.get_closest_marker, slow))}
    items.sort(key=lambda item: item.path not in first)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real files."""
    folder = os.environ.get("CZCHECK_CORPUS")
    if not folder:
        pytest.skip("CZCHECK_CORPUS is not set: no real files to test with")
    return Path(folder)


@pytest.fixture(scope="session")
def tf200_python() -> str:
    """An interpreter with TensorFlow 2.0.0."""
    python = Path(os.environ.get("CZCHECK_TF200", ROOT / ".venv-tf200" / "bin" / "python"))
    if not python.exists():
        pytest.skip(
            "no interpreter with TensorFlow 2.0.0 (`make test` makes one where Python 3.7 is)"
        )
    return str(python)


@pytest.fixture(scope="session", autouse=True)
def forked_children() -> Iterator[None]:
    """Has builds in this process fork their children, see `children.py`."""
    with forked_builds():
        yield
