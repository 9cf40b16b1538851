"""What a verdict depends on apart from the file: tool, machine, interpreters, other files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from czcheck._version import __version__
from czcheck.files import digest_of
from czcheck.images.folders import is_store
from czcheck.rules.catalogue import catalogue
from czcheck.rules.declaring import PACKAGE

MOST_FILES = 1000
"""Files in a folder of images beyond which nothing is stored."""

_SECONDS = 30
_HEAD = 4096


@cache
def tool() -> list[Any]:
    """The version of czcheck, and the state of its files and of those with further rules."""
    root = Path(__file__).parents[1]
    files = sorted(
        each for each in _below(root) if each.suffix in (".py", ".json", ".xsd", ".binpb")
    )
    further = sorted(
        {
            path
            for rule in catalogue().values()
            if rule.package != PACKAGE
            for path in _files_of(rule.check)
        }
    )
    packages = sorted({rule.package for rule in catalogue().values()})
    return [__version__, packages, _states([*files, *further])]


def _files_of(check: Callable[..., object]) -> Iterator[Path]:
    """The file that holds a rule, and the others of its package, which it may use."""
    yield Path(check.__code__.co_filename)
    package = sys.modules.get(check.__module__.partition(".")[0])
    for folder in getattr(package, "__path__", ()):
        yield from (each for each in _below(Path(folder)) if each.suffix == ".py")


def _below(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _below(Path(entry.path))
        else:
            yield Path(entry.path)


def _states(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for each in files:
        found = each.stat()
        digest.update(f"{each}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@cache
def machine() -> list[str]:
    """The machine: outputs differ in the last digits from processor to processor."""
    processor = ""
    if sys.platform == "linux":
        with contextlib.suppress(OSError), Path("/proc/cpuinfo").open("rb") as stream:
            processor = hashlib.sha256(_steady(stream.read(_HEAD))).hexdigest()
    if hasattr(os, "uname"):  # `platform.platform` would start a program to learn no more
        system = os.uname()
        return [system.sysname, system.release, system.version, system.machine, processor]
    return [platform.platform(), platform.machine()]


def _steady(cpuinfo: bytes) -> bytes:
    """Of the first processor, what does not change from moment to moment."""
    first = cpuinfo.split(b"\n\n")[0]
    return b"\n".join(line for line in first.split(b"\n") if b"MHz" not in line)


# Runs in Python 3.7, too. Names and versions of packages are those of their folders.
_SCRIPT = """
import json, os, platform, sys
names = set()
for place in sys.path:
    try:
        names.update(n for n in os.listdir(place or ".") if n.endswith((".dist-info", ".egg-info")))
    except OSError:
        pass
found = [os.path.realpath(sys.executable), sys.version, platform.machine(), sorted(names)]
print(json.dumps(found))
"""


def interpreter(python: str | None) -> list[Any] | None:
    """An interpreter: which it is, its version, and the packages that it has.

    Args:
        python: The interpreter; None for this one.

    Returns:
        What identifies it, with the versions of TensorFlow and all other packages; None if that
        cannot be found out. Neither imports TensorFlow.
    """
    if python in (None, sys.executable):
        return _this_interpreter()
    assert python is not None
    return _other_interpreter(python)


@cache
def _this_interpreter() -> list[Any]:
    names: set[str] = set()
    for place in sys.path:
        with contextlib.suppress(OSError):
            names.update(
                name
                for name in os.listdir(place or ".")  # noqa: PTH208 - names are enough, and quick
                if name.endswith((".dist-info", ".egg-info"))
            )
    return [sys.executable, os.path.realpath(sys.executable), sys.version, sorted(names)]


@cache
def _other_interpreter(python: str) -> list[Any] | None:
    try:
        process = subprocess.run(  # noqa: S603 - the interpreter that the user named
            [python, "-I", "-c", _SCRIPT],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env={},
        )
        found = json.loads(process.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return [python, found] if isinstance(found, list) else None


def contents(path: Path) -> list[Any] | None:
    """Names and digests of a file, or of the files of a folder.

    Args:
        path: The file or folder; of a Zarr store all that is in it counts.

    Returns:
        Names and digests; None where they cannot be read, are too many, or lead to further files.
    """
    try:
        files = list(islice(_read_of(path), MOST_FILES + 1))
        if len(files) > MOST_FILES or (not path.is_dir() and _names_others(path)):
            return None
        names = sorted((each.relative_to(path).as_posix(), each) for each in files)
        return [str(path), [[name, digest_of(each)] for name, each in names]]
    except OSError:
        return None


def _read_of(path: Path) -> Iterator[Path]:
    """The files that are read where images, or a file, are named."""
    if not path.is_dir():
        yield path
    elif is_store(path):
        yield from _below(path)
    else:
        for each in path.iterdir():
            if each.is_file():
                yield each
            elif is_store(each):
                yield from _below(each)


def _names_others(path: Path) -> bool:
    """Whether a TIFF may refer to pixels in other files."""
    if path.suffix.lower() not in (".tif", ".tiff") or not path.stat().st_size:
        return False
    with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        return any(
            name[1] != os.fsencode(path.name) for name in re.finditer(rb'FileName="([^"]*)"', data)
        )
