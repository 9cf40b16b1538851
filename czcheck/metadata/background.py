"""Class names that say "everything else", in the languages of those who name classes."""

from __future__ import annotations

import re
import unicodedata

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
