"""Evidence: tile, output and a picture for each finding of a run, to help fix it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from czcheck.errors import IncompleteError, UsageError
from czcheck.files import check_folder_of, private_folder, remove_folder
from czcheck.report.picture import picture
from czcheck.rules.finding import Finding, TilePixel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from czcheck.runtime.outputs import Output

RUN_CODES = "CZ4"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_CHARACTERS = 60
_MOST_OF_ONE_NAME = 1000


class TileOutput(NamedTuple):
    """One tile and its output.

    Attributes:
        tile: Pixels, `(height, width, channels)`, or `(batch, height, width, channels)` for more
            than one tile.
        output: The output in its own shape; None if there was none.
    """

    tile: NDArray[Any]
    output: NDArray[Any] | None


class Spool:
    """Tiles and outputs of one run, on disk until it is known which are needed."""

    def __init__(self) -> None:
        """Make a private folder.

        Raises:
            IncompleteError: There is no room for one.
        """
        try:
            self._folder = private_folder()
        except OSError as error:
            raise _cannot(error) from error
        self._numbers: dict[str, int] = {}

    def add(self, name: str, batch: NDArray[Any], output: Output | None) -> None:
        """Store a tile and its output.

        Args:
            name: Name of the tile; the same name again replaces the earlier one.
            batch: The tile or tiles, with the batch's axis.
            output: The output; None if the network failed.

        Raises:
            IncompleteError: There is no room.
        """
        number = self._numbers.setdefault(name, len(self._numbers))
        try:
            np.save(self._folder / f"{number}.tile.npy", batch)
            if output is not None and output.array is not None:
                np.save(self._folder / f"{number}.answer.npy", output.array)
        except OSError as error:
            raise _cannot(error) from error

    def get(self, name: str) -> TileOutput | None:
        """The tile and output stored under a name; None if there are none."""
        if name not in self._numbers:
            return None
        number = self._numbers[name]
        batch = np.load(self._folder / f"{number}.tile.npy")
        output = self._folder / f"{number}.answer.npy"
        return TileOutput(
            batch[0] if len(batch) == 1 else batch, np.load(output) if output.exists() else None
        )

    def close(self) -> None:
        """Remove everything."""
        remove_folder(self._folder)


def check_folder(folder: Path) -> None:
    """Check that evidence can be written to a folder, which is created when there is some.

    Raises:
        UsageError: There is something else of that name, or nothing can be written there.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: evidence needs a folder, and this is not one")
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise UsageError(f"{folder}: cannot be made: {there} is no folder")
    try:
        check_folder_of(there / "evidence")
    except UsageError as error:
        raise UsageError(f"{folder}: evidence cannot be stored there: {error}") from None


def write_evidence(
    folder: Path,
    findings: Sequence[Finding],
    spool: Spool,
    *,
    archive: str,
    sha256: str,
    colours: Sequence[tuple[int, int, int]],
    bgr: bool,
) -> list[str]:
    """Write the evidence for the findings of a run.

    For each finding that has a tile: `<archive>-<digest>-<code>-<tile>.npz` with the arrays
    `message`, `tile` and `answer`, and `other_tile` and `other_answer` where two outputs were
    compared; and a picture of the same name, `.png`: input, classes in the model's colours, and
    confidence, side by side. Files that are there already stay as they are: the same evidence is
    not written twice, other evidence gets a number.

    Args:
        folder: Where to; created if it does not exist and there is something to write.
        findings: The findings; those of other levels are passed over.
        spool: Tiles and outputs of the run.
        archive: Name of the archive.
        sha256: Its digest, in hexadecimal.
        colours: Red, green, blue of each class.
        bgr: Whether the first three channels are blue, green, red.

    Returns:
        Names of the files, in the order of the findings.

    Raises:
        IncompleteError: They cannot be written.
    """
    written: list[str] = []
    for finding in findings:
        if not finding.code.startswith(RUN_CODES) or not isinstance(finding.at, TilePixel):
            continue
        stored = spool.get(finding.at.tile)
        if stored is None:
            continue
        shown = [stored]
        other = dict(finding.fields).get("other")
        if isinstance(other, str) and (compared := spool.get(other)) is not None:
            shown.append(compared)
        arrays: dict[str, Any] = {"message": np.array(finding.message)}
        for prefix, each in zip(("", "other_"), shown, strict=False):
            arrays[f"{prefix}tile"] = each.tile
            if each.output is not None:
                arrays[f"{prefix}answer"] = each.output
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        parts = (Path(archive).stem, sha256[:8], finding.code, finding.at.tile)
        base = "-".join(map(_safe, parts))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written.append(_write(folder, base, ".npz", packed.getvalue()))
            image = picture(shown, colours, bgr=bgr)
            written.append(_write(folder, base, ".png", image))
        except OSError as error:
            raise _cannot(error, folder) from error
    return list(dict.fromkeys(written))


def write_pictures(
    folder: Path, pictures: Mapping[str, bytes], *, archive: str, sha256: str
) -> list[str]:
    """Write previews of an evaluation: `<archive>-<digest>-<image>.png`.

    Files that are there already stay as they are, as those of `write_evidence` do.

    Args:
        folder: Where to; created if it does not exist and there is something to write.
        pictures: PNG data by the names of their images.
        archive: Name of the archive.
        sha256: Its digest, in hexadecimal.

    Raises:
        IncompleteError: They cannot be written.
    """
    written = []
    for name, data in pictures.items():
        base = "-".join(map(_safe, (Path(archive).stem, sha256[:8], Path(name).stem)))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written.append(_write(folder, base, ".png", data))
        except OSError as error:
            raise _cannot(error, folder) from error
    return written


def _safe(name: str) -> str:
    """A part of a file name that no system reads as anything else."""
    return _UNSAFE.sub("_", name)[:_NAME_CHARACTERS].strip("._-") or "unnamed"


def _write(folder: Path, base: str, ending: str, data: bytes) -> str:
    """Write a new file and return its name."""
    for number in range(1, _MOST_OF_ONE_NAME):
        name = f"{base}{ending}" if number == 1 else f"{base}-{number}{ending}"
        path = folder / name
        try:
            # Neither follows a link nor replaces a file.
            with path.open("xb") as stream:
                stream.write(data)
        except FileExistsError:
            plain = path.is_file() and not path.is_symlink()
            if not plain or path.stat().st_size != len(data) or path.read_bytes() != data:
                continue
        return name
    raise OSError(f"there are {_MOST_OF_ONE_NAME - 1} files of this name already")


def _cannot(error: OSError, folder: Path | None = None) -> IncompleteError:
    place = "the folder for temporary files" if folder is None else folder
    return IncompleteError(f"{place}: cannot store evidence: {error.strerror or error}")
