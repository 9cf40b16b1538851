"""Charts of an evaluation: how sure the network is and how right, and what a threshold does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from czcheck.report.charts import drawn, mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LETTERS = 32
_LINES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 2)), (0, (6, 2, 2, 2)))


def reliability_chart(bins: Sequence[Mapping[str, Any]], prefix: str) -> str:
    """A chart of accuracy by confidence.

    Args:
        bins: As `calibration.bins` of an evaluation.
        prefix: What the chart's ids begin with.

    Returns:
        An SVG element. Classes: `curve`, `tolerance` for the diagonal, `pixels` for the bars.
    """
    filled = [each for each in bins if each["pixels"]]
    most = max((each["pixels"] for each in filled), default=1)

    def draw(axes: Axes) -> None:
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        for each in filled:
            width = each["high"] - each["low"]
            height = 0.25 * each["pixels"] / most
            mark(axes.bar(each["low"], height, width, align="edge")[0], "pixels")
        mark(axes.plot([0, 1], [0, 1], linestyle=(0, (2, 3)), linewidth=1)[0], "tolerance")
        xs, ys = ([each[name] for each in filled] for name in ("confidence", "accuracy"))
        mark(axes.plot(xs, ys, linewidth=2)[0], "curve")
        mark(axes.plot(xs, ys, "o", markersize=5)[0], "reach")
        axes.set_xlabel("confidence")
        axes.set_ylabel("share of pixels that are right")

    return drawn(
        draw,
        prefix,
        "Reliability: accuracy by confidence",
        "On the dotted diagonal the confidence is the accuracy; below it the network is too sure. "
        "Bars at the foot show where the pixels are.",
    )


def _shortened(name: str) -> str:
    """A name that leaves room for the chart; the table has it whole."""
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 3]}..."


def threshold_chart(rows: Sequence[Mapping[str, Any]], classes: Sequence[str], prefix: str) -> str:
    """A chart of the effect of a minimum confidence.

    Args:
        rows: As `thresholds` of an evaluation.
        classes: Names of the classes, safe to print.
        prefix: What the chart's ids begin with.

    Returns:
        An SVG element. Classes: `curve` for the classes, `reach` for the share of
        pixels at or above the minimum confidence.
    """
    percents = [row["percent"] for row in rows]

    def draw(axes: Axes) -> None:
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 1.02)
        kept = [row["kept"] for row in rows]
        mark(axes.plot(percents, kept, linewidth=1.6, label="pixels kept")[0], "recommended")
        for number, name in enumerate(classes):
            values = [row["iou"][number] for row in rows]
            known = [float("nan") if value is None else value for value in values]
            style = _LINES[number % len(_LINES)]
            # matplotlib takes what stands between two dollars for a formula.
            label = f"IoU {_shortened(name)}".replace("$", r"\$")
            mark(axes.plot(percents, known, linestyle=style, linewidth=2, label=label)[0], "curve")
        legend = axes.legend(loc="lower left", frameon=False)
        for number, line in enumerate(legend.get_lines()):
            mark(line, "curve" if number else "recommended")
        axes.set_xlabel("minimum confidence, percent")
        axes.set_ylabel("share of pixels, IoU")

    return drawn(
        draw,
        prefix,
        "Effect of the minimum confidence",
        "Pixels at or above each minimum confidence, and the intersection over union of each class "
        "there; the table below has the numbers.",
    )
