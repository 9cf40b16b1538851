"""What a worker finds around it: a folder of its own and a scrubbed environment."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "czcheck-run-"
_NAME = re.compile(_PREFIX + r"[a-z0-9_]{8}", re.ASCII)
# Descriptors that hold the locks on this process's folders.
_locks: dict[Path, int] = {}
# Not secrets, and without them some installations cannot load their libraries.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")


def private_folder() -> Path:
    """A new, empty folder that only this user can enter. Clears up after runs that were killed."""
    sweep(Path(tempfile.gettempdir()))
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # swept away before it was locked
            lock = _lock(folder, wait=True)
            if lock is None:
                return folder
            if folder.exists():
                _locks[folder] = lock
                return folder
            os.close(lock)


def remove_folder(folder: Path) -> None:
    """Remove a private folder with everything in it."""
    shutil.rmtree(folder, ignore_errors=True)
    lock = _locks.pop(folder, None)
    if lock is not None:
        os.close(lock)


def sweep(place: Path) -> None:
    """Remove private folders whose owner is gone: it was killed, or the machine was.

    Each owner holds a lock on its folder, which the system takes back when it ends. A number of
    the process would not do: numbers come again, and mean something else in each container.

    Args:
        place: The folder of temporary files.
    """
    if not hasattr(os, "getuid"):
        return  # no locks on folders here

    try:
        found = [entry for entry in os.scandir(place) if _NAME.fullmatch(entry.name)]
    except OSError:
        return
    for entry in found:
        try:
            ours = entry.stat(follow_symlinks=False).st_uid == os.getuid()
            lock = _lock(Path(entry.path), wait=False) if ours else None
        except OSError:
            continue  # still in use, or gone by now
        if lock is not None:
            shutil.rmtree(entry.path, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder for as long as the descriptor that is returned stays open.

    Args:
        folder: The folder.
        wait: Whether to wait for another process that holds it.

    Returns:
        The descriptor; None where folders cannot be locked.

    Raises:
        OSError: It is locked and `wait` is not set, or it is no folder.
    """
    try:
        import fcntl  # noqa: PLC0415
    except ImportError:
        return None
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(lock)
        if not wait:
            raise
        return None
    return lock


def environment(folder: Path, *, gpu: bool, building: bool = False) -> dict[str, str]:
    """The environment of a worker. It holds nothing of the caller's but library paths.

    Args:
        folder: The worker's private folder; everything that libraries keep goes there.
        gpu: Whether the worker may use one.
        building: Whether it builds. Memory that is freed is then kept to be used again, in place of
            asking the system for fresh pages each time, which halves the CPU time of copying large
            weights; what is in use at the peak is a matter of luck then, so not where memory is
            measured. And all of TensorFlow's kernels are there, whatever the processor: a dilated
            transposed convolution, which lowering replaces, has one in oneDNN alone.

    Returns:
        Names and values.
    """
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    home = str(folder)
    variables.update(
        PATH=os.defpath,
        HOME=home,
        USERPROFILE=home,
        TMPDIR=home,
        TEMP=home,
        TMP=home,
        KERAS_HOME=home,
        LANG="C.UTF-8",
        TF_CPP_MIN_LOG_LEVEL="2",
        # One arena for every thread would fill the address space on machines of many cores.
        MALLOC_ARENA_MAX="4",
        # numpy would start threads, and these would stay outside of the sandbox.
        OPENBLAS_NUM_THREADS="1",
    )
    if building:
        # The first two are read by glibc; no other C library minds.
        variables.update(
            MALLOC_MMAP_MAX_="0",
            MALLOC_TRIM_THRESHOLD_=str(sys.maxsize),
            TF_ENABLE_ONEDNN_OPTS="1",
        )
    if gpu:
        variables["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    else:
        variables["CUDA_VISIBLE_DEVICES"] = "-1"
    return variables
