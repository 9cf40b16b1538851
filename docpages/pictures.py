"""Draws the pictures of the documentation into `docs/pictures`: `python -m docpages.pictures`.

Plain SVG on a light card, so that they can be read on light and on dark pages.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"

INK, SOFT, LINE, CARD = "#1f2937", "#6b7280", "#9ca3af", "#f9fafb"
BLUE, GOLD, GREEN, RED = "#3f51b5", "#f2b705", "#2e7d32", "#c62828"
FONT = "font-family=\"system-ui, 'Segoe UI', Roboto, sans-serif\""


def _text(x: float, y: float, words: str, size: int = 14, **more: str) -> str:
    given = {"fill": INK, **{key.replace("_", "-"): value for key, value in more.items()}}
    marks = " ".join(f'{key}="{value}"' for key, value in given.items())
    return f'<text x="{x}" y="{y}" font-size="{size}" {marks}>{escape(words)}</text>'


def _box(x: float, y: float, width: float, height: float, **more: str) -> str:
    given = {"fill": "#ffffff", "stroke": LINE, "rx": "6"}
    given |= {key.replace("_", "-"): value for key, value in more.items()}
    marks = " ".join(f'{key}="{value}"' for key, value in given.items())
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" {marks}/>'


def _path(path: str, colour: str) -> str:
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str) -> str:
    ends = f'x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
    return f'<line {ends} stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'


def _svg(width: int, height: int, title: str, parts: list[str]) -> str:
    body = "\n".join(
        [
            f"<title>{escape(title)}</title>",
            _box(0.5, 0.5, width - 1, height - 1, fill=CARD),
            *parts,
        ]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" {FONT}>\n{body}\n</svg>\n'
    )


def container() -> str:
    """The archive, its three members, and what is in them."""
    parts = [_text(24, 34, "nuclei.czmodel - a ZIP archive", 16, font_weight="600")]
    members = (
        ("modelid=<guid>", "empty; its name is the id", SOFT, ()),
        (
            "<guid>.xml",
            "the metadata",
            BLUE,
            (
                "name, version",
                "pixel type, colour handling",
                "classes, labels, colours",
                "BorderSize",
            ),
        ),
        (
            "<guid>.model",
            "the network: also a ZIP archive",
            GREEN,
            ("saved_model.pb: the graph", "variables/: the weights", "assets/, if any"),
        ),
    )
    for number, (name, what, colour, lines) in enumerate(members):
        x = 24 + number * 232
        parts += [
            _box(x, 52, 216, 150),
            _box(x, 52, 216, 5, fill=colour, stroke="none", rx="2"),
            _text(x + 14, 82, name, 15, font_weight="600", fill=colour),
            _text(x + 14, 102, what, 12, fill=SOFT),
            *(_text(x + 14, 128 + 19 * at, line, 13) for at, line in enumerate(lines)),
        ]
    parts.append(
        _text(24, 228, "The three names and the metadata contain the same id.", 13, fill=SOFT)
    )
    return _svg(728, 246, "The three members of a czmodel archive", parts)


def levels() -> str:
    """The four levels, what each reads and what it costs."""
    rows = (
        ("archive", "ZIP structure, names, ids, payload", "milliseconds", SOFT),
        ("metadata", "Model XML against its schema, then its meaning", "milliseconds", BLUE),
        (
            "network",
            "signature, operations, shapes, safety - without TensorFlow",
            "milliseconds",
            GREEN,
        ),
        ("run", "the network on test tiles, in a process of its own", "seconds", GOLD),
    )
    parts = []
    for at, (name, what, cost, colour) in enumerate(rows):
        x, y = 24 + 34 * at, 22 + 50 * at
        parts += [
            _box(x, y, 704 - 34 * at, 42),
            _box(x, y, 6, 42, fill=colour, stroke="none", rx="2"),
            _text(x + 18, y + 26, name, 15, font_weight="600"),
            _text(x + 114, y + 26, what, 13),
            _text(714, y + 26, cost, 12, fill=SOFT, text_anchor="end"),
        ]
    return _svg(752, 232, "The four levels of czcheck verify", parts)


def border() -> str:
    """Two tiles that overlap, the used part of each, and how far the effect of an edge reaches."""
    size, edge, x, y = 190, 32, 24, 54
    second = x + size - 2 * edge
    parts = [
        _text(
            24,
            32,
            "Neighbouring tiles overlap; only their inner parts are used",
            15,
            font_weight="600",
        )
    ]
    for left, colour in ((x, BLUE), (second, GREEN)):
        parts += [
            _box(left, y, size, size, fill=colour, fill_opacity="0.10", stroke=colour, rx="0"),
            _box(left + edge, y + edge, size - 2 * edge, size - 2 * edge, fill=colour,
                 fill_opacity="0.28", stroke=colour, stroke_dasharray="4 3", rx="0"),
        ]  # fmt: skip
    middle = y + size / 2
    parts += [
        _text(x + 40, y + size + 22, "tile 1", 13, fill=BLUE),
        _text(second + size - 74, y + size + 22, "tile 2", 13, fill=GREEN),
        _line(x, middle, x + edge, middle, INK, "0"),
        _text(x + edge + 6, middle - 8, "BorderSize", 12),
    ]
    left, top, width, height = 400, 66, 310, 150
    curve = f"C{left + 60} {top + 14} {left + 80} {top + 132} {left + 150} {top + 144}"
    parts += [
        _text(left, 50, "Change of the output, from the edge inwards", 13, fill=SOFT),
        _path(f"M{left} {top} V{top + height} H{left + width}", LINE),
        _path(f"M{left} {top + 8} {curve} L{left + width} {top + 147}", RED),
        _line(left + 60, top, left + 60, top + height, INK, "4 3"),
        _line(left + 140, top, left + 140, top + height, GREEN, "4 3"),
        _text(left + 64, top + 14, "declared: seams", 12),
        _text(left + 144, top + 32, "recommended: below 0.01", 12, fill=GREEN),
        _text(left + 186, top + height + 20, "pixels from the edge", 12, fill=SOFT),
    ]
    return _svg(752, 284, "Tiles, borders, and how far the effect of an edge reaches", parts)


def icon() -> str:
    """The icon of the site: a tile with its border, and a tick."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">\n'
        f'<rect width="32" height="32" rx="6" fill="{BLUE}"/>\n'
        f'<rect x="6" y="6" width="20" height="20" fill="none" stroke="{GOLD}" stroke-width="2"/>\n'
        '<path d="M10 16 l5 5 l8 -10" fill="none" stroke="#ffffff" stroke-width="3"/>\n</svg>\n'
    )


def pictures() -> dict[Path, str]:
    """All pictures by their path."""
    made = {"container": container, "levels": levels, "border": border, "icon": icon}
    return {PICTURES / f"{name}.svg": draw() for name, draw in made.items()}


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for file, drawn in pictures().items():
        file.write_text(drawn, encoding="utf-8", newline="\n")
