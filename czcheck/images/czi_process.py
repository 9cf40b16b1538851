"""Asking the process in which libCZI reads a file."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from czcheck.errors import IncompleteError
from czcheck.images.decoders import damaged
from czcheck.limits import MIB

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Nothing of the folder in which it is started, only what this process has.
_BEGIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from czcheck.images.czi_child import main; main(sys.argv[2])"
)
_MOST_HEADER = 128 * MIB
_SECONDS = 300


class CziProcess:
    """libCZI with one file open, in a process of its own. One thread at a time is answered.

    Attributes:
        description: What the file says of itself.
    """

    description: dict[str, Any]

    def __init__(self, path: Path) -> None:
        """Start the process and open the file.

        Args:
            path: The file.

        Raises:
            InputError: The file is damaged.
            IncompleteError: The process could not be started.
        """
        self._path, self._lock = path, threading.Lock()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-I", "-c", _BEGIN, json.dumps(sys.path), str(path.absolute())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise IncompleteError(f"{path}: cannot be opened: {error.strerror}") from error
        try:
            self.description = self._header("")
        except BaseException:
            self.close()
            raise

    def read(
        self,
        place: str,
        roi: tuple[int, int, int, int],
        plane: dict[str, int],
        scene: int | None,
        pixel_type: str,
    ) -> NDArray[Any]:
        """Read pixels.

        Args:
            place: Where in the file, for messages.
            roi: (left, top, width, height) in the coordinates of the file.
            plane: Numbers by dimension: T, Z, C and others that the file has.
            scene: Number of the scene; None for a file without scenes.
            pixel_type: Pixel type of the channel.

        Returns:
            `(height, width, samples)`.

        Raises:
            InputError: The file is damaged here.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"roi": roi, "plane": plane, "scene": scene, "pixel_type": pixel_type}
        _, _, width, height = roi
        with self._lock:
            try:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                raise self._ended(place) from None
            header = self._header(place)
            if tuple(header["shape"][:2]) != (height, width):
                raise damaged(self._path, place, f"it gives {header['shape']} pixels")
            pixels = np.empty(header["shape"], header["dtype"])
            rest = pixels.data.cast("B")
            while rest:
                count = self._process.stdout.readinto(rest)  # type: ignore[attr-defined]
                if not count:
                    raise self._ended(place)
                rest = rest[count:]
        return pixels

    def _header(self, place: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        watch = threading.Timer(_SECONDS, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            line = self._process.stdout.readline(_MOST_HEADER)
        finally:
            watch.cancel()
        if not line.endswith(b"\n"):
            raise self._ended(place)
        header: dict[str, Any] = json.loads(line)
        if "error" in header:
            raise damaged(self._path, place, " ".join(str(header["error"]).split()))
        return header

    def _ended(self, place: str) -> Exception:
        """What is said of a process that is gone."""
        self._process.kill()
        code = self._process.wait()
        return damaged(self._path, place, f"the library that reads CZI ended with code {code}")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was not sent any more
                    continue
