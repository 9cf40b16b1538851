"""Files of golden answers.

A baseline is a `.npz` file: a ZIP archive of `baseline.json`, which says what was asked of whom and
what change is allowed, and one array for each test tile. Such a file may come from anywhere, so it
is read like an archive: under limits, and never as a pickle.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from czcheck.archive.reader import Archive
from czcheck.archive.write import write_archive
from czcheck.errors import UsageError
from czcheck.limits import GIB, MIB, Limits
from czcheck.runtime.baseline import BLOCKS, SEED, Baseline, BaselineTolerances, GoldenTile
from czcheck.runtime.outputs import UnreadableArrayError, read_header
from czcheck.test_tiles.patterns import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FORMAT, VERSION = "czcheck baseline", 1
HEAD = "baseline.json"
# Answers are kept in steps of 1/65535, which moves a probability by at most half of that.
STEPS = 65535
LEAST_CHANGE = 1e-4
"""Smallest change that a baseline can be asked to notice."""

_MOST_TILES, _MOST_SIDE, _MOST_ANSWER = 64, 1 << 16, 1 * GIB
_LIMITS = Limits(member_bytes=_MOST_ANSWER + MIB, archive_bytes=4 * GIB)
_NPY_HEADER = 4096
_TEXTS = ("model_id", "model_name", "sha256", "czcheck", "tensorflow", "pixel_type")


def write_baseline_file(
    target: str | Path | IO[bytes],
    baseline: Baseline,
    answers: Mapping[str, NDArray[Any]],
    *,
    deflate: bool = True,
) -> None:
    """Write a baseline, atomically; the same bytes for the same content.

    Args:
        target: Path or stream.
        baseline: What it says; its `path` is left out.
        answers: For each of its tiles the probabilities, `(1, height, width, classes)`.
        deflate: Whether to compress.

    Raises:
        InputError: The path cannot be written.
    """
    plain = asdict(baseline)
    del plain["path"]
    head = json.dumps({"format": FORMAT, "version": VERSION, **plain}, indent=1, ensure_ascii=False)
    members = [(HEAD, head.encode("utf-8", "backslashreplace"))]
    for tile in baseline.tiles:
        stream = io.BytesIO()
        planes = np.moveaxis(answers[tile.name][0], -1, 0)
        steps = np.rint(np.clip(planes, 0, 1) * STEPS).astype("<u2")
        np.save(stream, np.ascontiguousarray(steps), allow_pickle=False)
        members.append((f"{tile.name}.npy", stream.getvalue()))
    write_archive(target, members, deflate=deflate)


def read_baseline(path: Path) -> Baseline:
    """Read what a baseline says of itself, and hold its arrays' sizes against it.

    Args:
        path: The file.

    Returns:
        The baseline, whose answers `golden_output` reads.

    Raises:
        UsageError: There is no such file, or it is no sound baseline.
    """

    def wrong(reason: str) -> UsageError:
        return UsageError(f"{path}: is no baseline: {reason}; `czcheck baseline` makes one")

    with _opened(path) as stream:
        archive = Archive(stream, _LIMITS, _MOST_TILES + 1)
        if not archive.is_sound:
            raise wrong(f"the archive {archive.defects[0].detail}")
        sizes = {member.name: member.size for member in archive.members}
        if HEAD not in sizes:
            raise wrong(f"it has no {HEAD}")
        if sizes[HEAD] > MIB:
            raise wrong(f"{HEAD} is larger than 1 MiB")
        text = archive.read(HEAD, MIB)
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        raise wrong(f"{HEAD} is not JSON") from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise wrong(f"{HEAD} is not that of a baseline")
    if plain.get("version") != VERSION:
        raise UsageError(
            f"{path}: the baseline's version is not {VERSION}, the one that this czcheck reads; "
            "make it anew with `czcheck baseline`"
        )
    try:
        baseline = _baseline(path, plain)
    except _WrongError as error:
        raise wrong(f"{HEAD}: {error}") from None
    size = _answer_bytes(baseline)
    for tile in baseline.tiles:
        stored = sizes.get(f"{tile.name}.npy", 0)
        if not size < stored <= size + _NPY_HEADER:
            raise wrong(f"the answer to the tile {tile.name} is missing, or of another size")
    return baseline


def golden_output(baseline: Baseline, tile: str) -> NDArray[Any]:
    """The answer to one tile.

    Args:
        baseline: The baseline.
        tile: Name of one of its tiles.

    Returns:
        Probabilities, float32, `(1, height, width, classes)`.

    Raises:
        UsageError: The file holds no such array.
    """
    shape = (len(baseline.classes), baseline.height, baseline.width)
    size = _answer_bytes(baseline)
    damaged = UsageError(f"{baseline.path}: the baseline's answer to the tile {tile} is damaged")
    with _opened(baseline.path) as stream:
        archive = Archive(stream, _LIMITS, _MOST_TILES + 1)
        if not archive.is_sound or f"{tile}.npy" not in {each.name for each in archive.members}:
            raise damaged
        content = io.BytesIO(archive.read(f"{tile}.npy", size + _NPY_HEADER))
    try:
        stored, by_column, dtype = read_header(content)
    except UnreadableArrayError:
        raise damaged from None
    rest = content.getbuffer()[content.tell() :]
    if stored != shape or by_column or dtype != np.dtype("<u2") or len(rest) != size:
        raise damaged
    steps = np.frombuffer(rest, dtype).reshape(shape)
    answer: NDArray[Any] = np.moveaxis(steps, 0, -1)[None].astype(np.float32)
    answer /= np.float32(STEPS)
    return answer


def _answer_bytes(baseline: Baseline) -> int:
    return 2 * baseline.height * baseline.width * len(baseline.classes)


def _opened(path: Path) -> Any:
    try:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; name the baseline's file")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is a device or a pipe; name the baseline's file")
        return path.open("rb")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such baseline") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be opened: {error.strerror}") from None


class _WrongError(ValueError):
    """What is wrong with the head of a baseline."""


def _baseline(path: Path, plain: dict[str, Any]) -> Baseline:
    """The head as a value, each part held to its type and range."""
    sides = {name: _whole(plain, name, 1, _MOST_SIDE) for name in ("height", "width", "channels")}
    classes = plain.get("classes")
    if not isinstance(classes, list) or not classes or not _all_text(classes):
        raise _WrongError("`classes` is not a list of names")
    tiles = plain.get("tiles")
    if not isinstance(tiles, list) or not 0 < len(tiles) <= _MOST_TILES:
        raise _WrongError(f"`tiles` is not a list of 1 to {_MOST_TILES} tiles")
    golden = tuple(_tile(tile) for tile in tiles)
    names = [tile.name for tile in golden]
    if len(set(names)) != len(names) or not set(names) <= set(NAMES):
        raise _WrongError("`tiles` names one twice, or one that is not built in")
    scaled = plain.get("scaled")
    if not isinstance(scaled, bool):
        raise _WrongError("`scaled` is neither true nor false")
    allowed = plain.get("tolerances")
    if not isinstance(allowed, dict):
        raise _WrongError("`tolerances` are missing")
    texts = {name: _text(plain, name) for name in _TEXTS}
    parts: dict[str, Any] = {**texts, **sides}
    baseline = Baseline(
        path=path,
        **parts,
        scaled=scaled,
        classes=tuple(classes),
        tiles=golden,
        tolerances=BaselineTolerances(
            _number(allowed, "max_change", LEAST_CHANGE),
            _number(allowed, "min_agreement", 0),
            _number(allowed, "min_dice", 0),
        ),
    )
    if _answer_bytes(baseline) > _MOST_ANSWER:
        raise _WrongError("an answer would be larger than 1 GiB")
    return baseline


def _tile(plain: Any) -> GoldenTile:
    if not isinstance(plain, dict):
        raise _WrongError("`tiles` is not a list of tiles")
    means = plain.get("means")
    if not isinstance(means, list) or len(means) > BLOCKS * BLOCKS:
        raise _WrongError("`means` of a tile are missing")
    numbers = [_number({"means": mean}, "means", -math.inf, math.inf) for mean in means]
    if plain.get("seed") != SEED:
        raise _WrongError(f"`seed` of a tile is not {SEED}")
    return GoldenTile(_text(plain, "name"), SEED, tuple(numbers))


def _text(plain: dict[str, Any], name: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str):
        raise _WrongError(f"`{name}` is not text")
    return value


def _all_text(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _whole(plain: dict[str, Any], name: str, least: int, most: int) -> int:
    value = plain.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _WrongError(f"`{name}` is not a number from {least} to {most}")
    return value


def _number(plain: dict[str, Any], name: str, least: float, most: float = 1) -> float:
    value = plain.get(name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:  # type: ignore[operator]
        raise _WrongError(f"`{name}` is not a number from {least:g} to {most:g}")
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise _WrongError(f"`{name}` is too large") from None
