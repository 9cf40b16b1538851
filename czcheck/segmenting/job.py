"""How a model segments images, as plain values that can be sent to another machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from czcheck.errors import UsageError
from czcheck.images.selection import EVERYTHING, Selections
from czcheck.runtime.limits import DEFAULT_RUNNER_LIMITS, RunnerLimits
from czcheck.text import nearest

if TYPE_CHECKING:
    from czcheck.images.matching import Intensities

Padding = Literal["reflect", "zeros"]
PADDINGS: tuple[Padding, ...] = ("reflect", "zeros")
_USES = {
    "cztile": "tiles are cut by the package cztile",
    "skimage": "objects are measured by the package scikit-image",
}


@dataclass(frozen=True, slots=True)
class Job:
    """How a model segments images. Plain values alone, so that it can be pickled.

    Attributes:
        model: Path of the archive.
        tile: (height, width) of a tile in pixels, for networks that leave it open.
        border: Pixels in place of the model's `BorderSize`.
        align: Whether tiles begin at multiples of the network's stride.
        stride: The stride, if it cannot be read from the graph.
        pad: How an image is continued where tiles reach over its edges.
        min_confidence: Percent, 0 to 100: a pixel whose largest probability is below gets label 0.
        allow_op: Operations that are admitted by name.
        require_sandbox: Whether to run nothing where there is no sandbox.
        limits: Limits on the network's process.
        selections: Which scenes, channels, times and sections of each image are segmented.
        intensities: What to do with pixels of another depth than the model's, see `for_model`.
    """

    model: str
    tile: tuple[int, int] | None = None
    border: int | None = None
    align: bool = False
    stride: int | None = None
    pad: Padding = "reflect"
    min_confidence: float = 0
    allow_op: tuple[str, ...] = ()
    require_sandbox: bool = False
    limits: RunnerLimits = DEFAULT_RUNNER_LIMITS
    selections: Selections = EVERYTHING
    intensities: Intensities = "exact"

    def __post_init__(self) -> None:
        """Refuse values that mean nothing.

        Raises:
            UsageError: A value is out of its range.
        """
        if not 0 <= self.min_confidence <= 100:  # percent
            raise UsageError(
                f"a minimum confidence of {self.min_confidence:g} is not a percentage; "
                "give 0 to 100"
            )
        if (reason := fraction(self.min_confidence)) is not None:
            raise UsageError(f"a minimum confidence of {reason}")
        if self.pad not in PADDINGS:
            raise UsageError(f"pad cannot be {self.pad!r}; choose {' or '.join(PADDINGS)}")
        if self.tile is not None and min(self.tile) < 1:
            raise UsageError("a tile has at least 1x1 pixels")
        if self.stride is not None and self.stride < 1:
            raise UsageError("a stride is at least 1")
        if self.border is not None and self.border < 0:
            raise UsageError("a border cannot be negative")


def fraction(percent: float) -> str | None:
    """Why a percentage is probably a fraction given by mistake; None if it is not.

    Args:
        percent: The percentage, 0 to 100.
    """
    if not 0 < percent < 1:
        return None
    hint = f"write {100 * percent:g} for {100 * percent:g} %"
    return f"{percent:g} is less than one percent; {hint}"


def job_of(
    model: str | Path,
    options: Mapping[str, Any],
    selections: Selections = EVERYTHING,
    intensities: Intensities = "exact",
) -> Job:
    """A job from options by name.

    Args:
        model: Path of the archive.
        options: Other fields of `Job`; `tile` may be one number for both.
        selections: See `Job`.
        intensities: See `Job`.

    Raises:
        UsageError: There is no such option, or its value is out of range.
    """
    known = {field.name for field in fields(Job)} - {"model", "selections", "intensities"}
    for name in options:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"choose from {', '.join(known)}"
            raise UsageError(f"there is no option {name!r}; {hint}")
    values = dict(options)
    tile = values.get("tile")
    if tile is not None:
        sizes = (tile, tile) if isinstance(tile, int) else tile
        values["tile"] = (int(sizes[0]), int(sizes[1]))
    if "allow_op" in values:
        values["allow_op"] = tuple(values["allow_op"])
    return Job(str(model), **values, selections=selections, intensities=intensities)


def need(*modules: str) -> None:
    """Check that packages of the extra for images are installed.

    Args:
        modules: `cztile`, `skimage`.

    Raises:
        UsageError: One is not.
    """
    for module in modules:
        if find_spec(module) is None:
            raise UsageError(
                f"{_USES[module]}, which is not installed; pip install 'czcheck[images]'"
            )
