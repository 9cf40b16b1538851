"""A czann is no czmodel: every command that takes one says so, in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import czcheck as api
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

if TYPE_CHECKING:
    from calls import Call

CZANN = Path(__file__).parents[2] / "fixtures" / "bad" / "CZ107_czann.czann"
WORDS = "a czann archive (model.json and an ONNX model): not supported yet"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("verify", CZANN), 1),
        (("repair", CZANN, "-o", "new.czmodel"), 1),
        (("init", CZANN, "-o", "spec.json"), 1),
        (("baseline", CZANN, "-o", "answers.npz"), 1),
        (("segment", CZANN, "image.png", "-o", "labels.tif"), 1),
        (("evaluate", CZANN, "images", "images"), 1),
        (("diff", "good.czmodel", CZANN), 3),
        (("diff", CZANN, "good.czmodel"), 3),
    ],
)
def test_every_command_says_so(
    arguments: tuple[str | Path, ...],
    code: int,
    czcheck: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.czmodel").write_bytes(czmodel(metadata_xml(), good_payload()))
    (tmp_path / "images").mkdir()
    for place in ("image.png", "images/a.png"):
        Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / place)
    before = sorted(tmp_path.rglob("*"))
    result = czcheck(*arguments)
    assert result.code == code
    assert WORDS in " ".join((result.out + result.err).split())
    assert sorted(tmp_path.rglob("*")) == before


def test_so_does_python() -> None:
    with api.open(CZANN) as model, pytest.raises(api.InputError) as caught:
        model.predict(np.zeros((64, 64), np.uint8))
    assert f"{CZANN}: cannot be run: the file is {WORDS}" in str(caught.value)
