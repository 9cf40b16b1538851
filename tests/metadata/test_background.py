"""Which class names say "everything else"."""

from __future__ import annotations

import pytest

from czcheck.metadata import is_background


@pytest.mark.parametrize(
    "name",
    [
        "Background", "background", "BG", "bg_1", "0_Background", "Background (glass)",
        "backGround", "Hintergrund", "arri\u00e8re-plan", "Arrie\u0300re-Plan", "Fond", "Fondo",
        "Sfondo", "Fundo", "T\u0142o", "Pozad\u00ed", "\u80cc\u666f", "\ubc30\uacbd",
        "\u0424\u043e\u043d", "other", "Rest", "\u00dcbriges", "class_other", "Unlabeled",
        "Non-nucleus", "notCell",
    ],
)  # fmt: skip
def test_names_of_what_is_left_over(name: str) -> None:
    assert is_background(name)


@pytest.mark.parametrize(
    "name",
    [
        "Foreground", "Vordergrund", "Nucleus", "Other cells", "Rest of cell", "Nonsense", "Notch",
        "Bulge", "Fondant", "Matrix", "Neg. control", "no", "1", "Class 1", "", "   ", "Nodule",
    ],
)  # fmt: skip
def test_names_of_what_is_looked_for(name: str) -> None:
    assert not is_background(name)
