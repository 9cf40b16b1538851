"""What a worker finds around it: a folder of its own and a scrubbed environment."""

from __future__ import annotations

import os
from pathlib import Path

# Not secrets, and without them some installations cannot load their libraries.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR")


def private_folder() -> Path:
    """A new, empty folder that only this user can enter."""
    import tempfile  # noqa: PLC0415  (slow, and only the run level needs it)

    return Path(tempfile.mkdtemp(prefix="czcheck-"))


def remove_folder(folder: Path) -> None:
    """Remove a private folder with everything in it."""
    import shutil  # noqa: PLC0415

    shutil.rmtree(folder, ignore_errors=True)


def environment(folder: Path, *, gpu: bool) -> dict[str, str]:
    """The environment of a worker. It holds nothing of the caller's but library paths.

    Args:
        folder: The worker's private folder; everything that libraries keep goes there.
        gpu: Whether the worker may use one.

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
    )
    if gpu:
        variables["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    else:
        variables["CUDA_VISIBLE_DEVICES"] = "-1"
    return variables
