"""Classes: names, label values, colours, and which one is the background."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from colorsys import hsv_to_rgb
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SegmentationClass:
    """One class that the network tells apart.

    Attributes:
        label_value: Its value in a label image; 1 for output channel 0, and so on.
        name: Its name.
        color: Red, green, blue, each 0 to 255.
    """

    label_value: int
    name: str
    color: tuple[int, int, int]


def numbered(
    names: tuple[str, ...], colors: tuple[tuple[int, int, int], ...] | None = None
) -> tuple[SegmentationClass, ...]:
    """Classes in the order of the output channels: label values from 1.

    Args:
        names: Their names.
        colors: Red, green, blue of each; None for distinct ones.
    """
    found = colors or distinct_colours(len(names))
    return tuple(
        SegmentationClass(label_value=label, name=name, color=(red, green, blue))
        for label, (name, (red, green, blue)) in enumerate(zip(names, found, strict=True), start=1)
    )


Colour = tuple[int, int, int]

_FIRST: tuple[Colour, ...] = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
# Saturation and brightness: full colours first, then dark ones, then pale ones.
_SHADES = ((1.0, 1.0), (1.0, 0.55), (0.45, 1.0))
_MOST = 1000


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """Colours for a number of classes, no two of them alike.

    The first three are red, green and blue, as the reference library has them; its fourth repeats
    the first, here none does. Early colours lie far apart, later ones come closer. Black and greys,
    in which images themselves are shown, do not occur.

    Args:
        count: Number of classes, 0 to 1000.

    Returns:
        Red, green and blue of each class, 0 to 255.

    Raises:
        ValueError: The count is out of range.
    """
    if not 0 <= count <= _MOST:
        raise ValueError(f"colours for {count} classes were requested; 0 to {_MOST} can be had")
    found: dict[Colour, None] = {}
    for colour in _sequence():
        if len(found) == count:
            break
        found[colour] = None
    return tuple(found)


def _sequence() -> Iterator[Colour]:
    """Endless colours, with repetitions: ever finer steps of hue, in every shade."""
    yield from _FIRST
    steps = 6
    while True:
        for saturation, brightness in _SHADES:
            for step in range(steps):
                yield _rgb(step / steps, saturation, brightness)
        steps *= 2


def _rgb(hue: float, saturation: float, brightness: float) -> Colour:
    """Red, green and blue, 0 to 255, of a colour given by hue, saturation, brightness, 0 to 1."""
    red, green, blue = (round(255 * part) for part in hsv_to_rgb(hue, saturation, brightness))
    return red, green, blue


# One of these words anywhere in a name is enough.
_BACKGROUND = frozenset({
    "background", "backgrnd", "backgr", "bckgr", "bckgrnd", "bkgrd", "bkgd", "bkg", "bckg",
    "bg", "hintergrund", "untergrund", "fond", "fondo", "sfondo", "fundo", "achtergrond",
    "bakgrund", "bakgrunn", "baggrund", "tausta", "taust", "tlo", "pozadi", "pozadie",
    "pozadina", "ozadje", "hatter", "fundal", "fon", "arkaplan",
})  # fmt: skip
# These are too common in names of real classes: they have to be the whole name.
_REST = frozenset({
    "other", "others", "rest", "remainder", "remaining", "residual", "none", "nothing",
    "negative", "neg", "void", "empty", "unlabeled", "unlabelled", "unlabel", "unclassified",
    "ignore", "outside", "else", "null", "na", "misc", "miscellaneous", "andere", "anderes",
    "ander", "sonstige", "sonstiges", "ubrige", "ubriges", "nichts", "leer", "negativ", "autre",
    "autres", "reste", "rien", "vide", "otro", "otros", "otra", "otras", "resto", "nada",
    "vacio", "altro", "altri", "altra", "niente", "vuoto", "outro", "outros", "outra", "outras",
    "vazio", "overig", "overige", "anders", "annan", "annat", "ovrigt", "andet", "ovrige",
    "muu", "muut", "inne", "reszta", "jine", "ostatni", "ostalo", "egyeb", "altele", "diger",
})  # fmt: skip
_NOT = frozenset({"non", "not", "no", "nicht", "kein", "keine", "pas", "sans", "sin", "senza"})
_NUMBERING = frozenset({"class", "klasse", "classe", "clase", "label", "area", "region"})
# Scripts without spaces between words, and words of two that stand for one.
_PHRASES = (
    "arriere plan", "arka plan", "mat trai", "back ground", "hinter grund",
    "\u80cc\u666f", "\ubc30\uacbd", "\u0444\u043e\u043d", "\u03c6\u03bf\u03bd\u03c4\u03bf",
    "\u0440\u0435\u0448\u0442\u0430", "\u5176\u4ed6", "\u305d\u306e\u4ed6", "\uae30\ud0c0",
    "\u062e\u0644\u0641\u064a\u0629", "\u05e8\u05e7\u05e2",
)  # fmt: skip
_LETTERS = {"\u0142": "l", "\u00f8": "o", "\u00df": "ss", "\u00e6": "ae"}


def is_background(name: str) -> bool:
    """Whether a class is called like what is left over when the objects are taken away.

    Args:
        name: The class's name, such as `Background`, `arri\u00e8re-plan` or `Non-nucleus`.
    """
    words = _words(name)
    text = " ".join(words)
    if not words:
        return False
    if any(phrase in text for phrase in _PHRASES) or any(word in _BACKGROUND for word in words):
        return True
    if words[0] in _NOT and len(words) > 1:
        return True
    named = [word for word in words if word not in _NUMBERING]
    return len(named) == 1 and named[0] in _REST


def _words(name: str) -> list[str]:
    """The words of a name in small letters without accents; numbers are left out."""
    plain = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    folded = "".join(each for each in plain if not unicodedata.combining(each)).casefold()
    # Syllables of Korean have come apart.
    folded = unicodedata.normalize("NFC", "".join(_LETTERS.get(each, each) for each in folded))
    return re.findall(r"[^\W\d_]+", folded)
