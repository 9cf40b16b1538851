"""Charts as SVG that takes its colours from the page it stands in. Needs matplotlib and lxml."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lxml import etree

from czcheck.report.gallery import SUM_LIMITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "czcheck",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
}
_SIZE = (6.0, 3.5)
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_PAINT = re.compile(r"(?:^|;)\s*(?:fill|stroke)\s*:[^;]*")
_FONT = re.compile(r"(?:^|;)\s*font(?:-[a-z]+)?\s*:[^;]*")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
MINUS = "\u2212"
_RAISED = ("", "⁻¹", "⁻²", "⁻³", "⁻⁴", "⁻⁵", "⁻⁶", "⁻⁷")
# What is drawn below it is rounding.
_FLOOR = 1e-7
# Room above 1 for the names of borders.
_TOP = 200
# The middle of the parts of sums: what counts as 1.
_EXACT = len(SUM_LIMITS)
_TOLERANCE = 1e-3


def border_chart(border: Mapping[str, Any], prefix: str) -> str:
    """A chart of the change at each distance from a tile's edge, and the border that hides it.

    Args:
        border: As `looked_at.run.border` in the report.
        prefix: What the chart's ids begin with, so that there can be several on a page.

    Returns:
        An SVG element. Classes: `curve`, `tolerance`, `declared`, `recommended`, `reach`.
    """
    profile = [max(each, _FLOOR) for each in border["profile"]]
    edges = ("top", "bottom", "left", "right")
    reaches = [
        (max(row[edge] for edge in edges), row["tolerance"])
        for row in border["distances"]
        if None not in [row[edge] for edge in edges]
    ]
    marks = [border["declared"], border["recommended"] or 0, *(far for far, _ in reaches)]
    right = max([*marks, len(profile) - 1, 4]) * 1.15 + 1

    def draw(axes: Axes) -> None:
        axes.set_yscale("log")
        axes.set_xlim(0, right)
        axes.set_ylim(_FLOOR / 2, _TOP)
        axes.locator_params(axis="x", integer=True)
        mark(axes.fill_between([0, border["declared"]], _FLOOR / 2, _TOP), "kept-out")
        for row in border["distances"]:
            line = axes.axhline(row["tolerance"], linestyle=(0, (2, 3)), linewidth=1)
            mark(line, "tolerance")
        steps = [*range(len(profile)), right]
        mark(
            axes.step(steps, [*profile, profile[-1]], where="post", linewidth=2)[0],
            "curve",
        )
        if reaches:
            xs, ys = zip(*reaches, strict=True)
            mark(axes.plot(xs, ys, "o", markersize=8)[0], "reach")
        _borders(axes, border, right)
        axes.set_yticks([10.0**power for power in range(-7, 1)])
        axes.set_yticklabels(["≤ 10⁻⁷", *(f"10{_RAISED[-power]}" for power in range(-6, 0)), "1"])
        axes.minorticks_off()
        axes.set_xlabel("pixels from the edge of the tile")
        axes.set_ylabel("largest change of a probability")

    return drawn(
        draw,
        prefix,
        "Change of the output by distance from the edge of the tile",
        "The curve falls where the influence of pixels outside the tile ends; the table below"
        " has the numbers.",
    )


def _borders(axes: Axes, border: Mapping[str, Any], right: float) -> None:
    """Upright lines at the declared and the recommended border, named."""
    declared, recommended = border["declared"], border["recommended"]
    lines: list[tuple[str, int, Any, str]] = [("declared", declared, "-", f"declared {declared}")]
    if recommended == declared:
        lines = [("declared", declared, "-", f"declared and recommended {declared}")]
    elif recommended is not None:
        lines.append(("recommended", recommended, (0, (6, 2)), f"recommended {recommended}"))
    for number, (name, place, style, text) in enumerate(lines):
        mark(axes.axvline(place, linestyle=style, linewidth=1.6), name)
        leftwards = place > right / 2
        label = axes.annotate(
            text,
            (place, _TOP / 4 / 8**number),
            xytext=(-5 if leftwards else 5, 0),
            textcoords="offset points",
            ha="right" if leftwards else "left",
            va="center",
        )
        mark(label, f"{name} label")


def sums_chart(counts: Sequence[int], prefix: str) -> str:
    """A histogram of the sums of probabilities at each pixel.

    Args:
        counts: Pixels, parted as `Preview.sums`.
        prefix: What the chart's ids begin with.

    Returns:
        An SVG element. Classes: `inside` and `outside` for bars within and beyond the tolerance.
    """
    inside = [place for place in range(len(counts)) if abs(place - _EXACT) < _beyond()]

    def draw(axes: Axes) -> None:
        axes.set_yscale("symlog", linthresh=1)
        axes.set_xlim(-0.7, len(counts) - 0.3)
        for place, count in ((place, count) for place, count in enumerate(counts) if count):
            bar = axes.bar(place, count, width=0.86, hatch="" if place in inside else "///")
            mark(bar[0], "inside" if place in inside else "outside")
            axes.annotate(
                _short(count),
                (place, count),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                va="bottom",
            )
        for edge in (inside[0] - 0.5, inside[-1] + 0.5):
            mark(axes.axvline(edge, linestyle=(0, (2, 3)), linewidth=1), "tolerance")
        top = max([*counts, 10])
        axes.set_ylim(0, top * 8)
        powers = range(0, math.ceil(math.log10(top)) + 1, 2)
        axes.set_yticks([0, *(10**power for power in powers)])
        axes.set_yticklabels(["0", *(_short(10**power) for power in powers)])
        axes.minorticks_off()
        limits = [*(-each for each in SUM_LIMITS[::-1]), *SUM_LIMITS]
        axes.set_xticks([place + 0.5 for place in range(len(limits))])
        axes.set_xticklabels([_limit(limit) for limit in limits])
        axes.tick_params(axis="x", labelrotation=55)
        axes.set_xlabel("sum of the probabilities, less 1")
        axes.set_ylabel("pixels")

    return drawn(
        draw,
        prefix,
        "Histogram of the sums of probabilities",
        "Bars outside the dotted lines, which are hatched, break the tolerance of 0.001; the table"
        " below has the numbers.",
    )


def _beyond() -> int:
    """Parts from the middle to the first that breaks the tolerance."""
    return 1 + SUM_LIMITS.index(_TOLERANCE)


def _limit(limit: float) -> str:
    """A power of ten with its sign."""
    return f"{MINUS if limit < 0 else '+'}10{_RAISED[-round(math.log10(abs(limit)))]}"


def _short(number: int) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def mark(artist: Any, name: str) -> None:
    """Give an artist a class in the SVG, which decides on its colours.

    Args:
        artist: Anything that matplotlib drew.
        name: The class, as `page.css` knows it.
    """
    artist.set_gid(f"class {name}")


def drawn(draw: Any, prefix: str, title: str, description: str) -> str:
    """A chart as an SVG element that takes its colours from the page.

    Args:
        draw: Draws into the axes that it gets.
        prefix: What the chart's ids begin with.
        title: What the chart shows, in a few words.
        description: Its content in words, for those who cannot see it.
    """
    from matplotlib import rc_context  # noqa: PLC0415 - slow
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context(_SETTINGS):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        # The page is the background.
        figure.patch.set_visible(False)
        axes.patch.set_visible(False)
        draw(axes)
        return _inline(figure, prefix, title, description)


def _inline(figure: Figure, prefix: str, title: str, description: str) -> str:
    """The figure as an element of a page: no ids and styles that others could clash with."""
    stream = io.BytesIO()
    hidden = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(stream, format="svg", transparent=True, metadata=hidden)
    root = etree.fromstring(stream.getvalue(), etree.XMLParser(resolve_entities=False))
    for element in list(root.iter(f"{_SVG}metadata", f"{_SVG}style")):
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    for element in root.iter(etree.Element):
        _tame(element, prefix)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, "")
    named = {"title": title, "desc": description}
    for place, (tag, text) in enumerate(named.items()):
        node = etree.Element(f"{_SVG}{tag}", id=f"{prefix}-{tag}")
        node.text = text
        root.insert(place, node)
    root.set("class", "chart")
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title")
    root.set("aria-describedby", f"{prefix}-desc")
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="unicode")


def _tame(element: Any, prefix: str) -> None:
    """Leave colours and fonts of an element to the page, and make its ids unique."""
    name = element.attrib.pop("id", "")
    if name.startswith("class "):
        element.set("class", name.removeprefix("class "))
    elif name and element.tag in (f"{_SVG}path", f"{_SVG}clipPath", f"{_SVG}pattern"):
        element.set("id", f"{prefix}-{name}")
    if _LINK in element.attrib:
        target = element.attrib.pop(_LINK)
        element.set("href", f"#{prefix}-{target.removeprefix('#')}")
    style = element.get("style")
    classes = " ".join(each.get("class", "") for each in element.iterancestors()).split()
    if style is not None:
        if set(classes) - {"chart"} or "#000000" in style:
            hollow = "fill: none" in style
            style = _PAINT.sub("", style) + ("; fill: none" if hollow else "")
        style = _FONT.sub("", style).strip("; ")
        style = _REFERENCE.sub(rf"url(#{prefix}-\1)", style)
        element.set("style", style)
    if "clip-path" in element.attrib:
        element.set("clip-path", _REFERENCE.sub(rf"url(#{prefix}-\1)", element.get("clip-path")))


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
        shares = [row["kept"] for row in rows]
        mark(axes.plot(percents, shares, linewidth=1.6, label="pixels kept")[0], "recommended")
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
