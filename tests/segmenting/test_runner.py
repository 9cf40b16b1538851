"""What a network answers is looked at before it counts: its process is not trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import czcheck
from czcheck.runtime import Output
from czcheck.segmenting import Job, ModelRunner, NetworkFailedError
from fixtures.archives import czmodel, metadata_xml
from fixtures.bad_behaviour import Net

NUCLEI = Path(__file__).parents[2] / "fixtures" / "models" / "nuclei.czmodel"


class Says:
    """A process that gives one answer, and where processes come from."""

    folder = Path("nowhere")

    def __init__(self, array: Any) -> None:
        self.array = array

    def worker(self, **_: object) -> Says:
        return self

    def hello(self) -> None:
        self.fed: Any = None

    def submit(self, tile: Any, _: int) -> None:
        assert tile.dtype == np.float32
        self.fed = tile

    def collect(self, _: int) -> Output:
        return Output(self.array, str(self.array.dtype), self.array.shape, 0.1)


def answered(change: Any) -> Any:
    """What becomes of an answer that is sound but for a change."""
    with czcheck.open(NUCLEI) as model:
        probe = ModelRunner(model, Job(str(NUCLEI)), Says(None), start=False)  # type: ignore[arg-type]
        sound = np.full((1, *probe.tile, len(probe.label_values)), 0.5, np.float32)
        runner = ModelRunner(model, Job(str(NUCLEI)), Says(change(sound)), start=False)  # type: ignore[arg-type]
        runner._loaded = True
        runner.submit(np.zeros((*runner.tile, runner.channels), np.uint8), "the tile at row 3")
        return runner.collect()


def with_value(value: float) -> Any:
    def change(sound: Any) -> Any:
        sound[0, -1, -1, -1] = value
        return sound

    return change


def test_a_sound_answer_counts() -> None:
    assert (answered(lambda sound: sound) == 0.5).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_no_number_somewhere_is_refused(value: float) -> None:
    with pytest.raises(
        NetworkFailedError, match="the tile at row 3 contains values that are not num"
    ):
        answered(with_value(value))


@pytest.mark.parametrize(
    "change",
    [
        lambda sound: sound.astype(np.float64),
        lambda sound: sound[0],
        lambda sound: sound[:, 1:],
        lambda sound: sound[..., :1],
    ],
    ids=["float64", "no batch", "a row less", "a class less"],
)
def test_an_answer_of_another_type_or_shape_is_refused(change: Any) -> None:
    with pytest.raises(NetworkFailedError, match=", not float32 "):
        answered(change)


@pytest.mark.parametrize(("scaled", "most"), [("true", 1.0), ("false", 65535.0)])
def test_intensities_are_scaled_where_the_model_says_so(
    scaled: str, most: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("czcheck.runtime.session.unpack", lambda *_: tmp_path)
    monkeypatch.setattr("czcheck.runtime.session.load_network", lambda *_: None)
    flag = f"<ScaleInputsByBitdepth>{scaled}</ScaleInputsByBitdepth><Id>"
    path = tmp_path / "gray16.czmodel"
    path.write_bytes(czmodel(metadata_xml(("<Id>", flag)), Net().ended("image").payload()))
    process = Says(None)
    with czcheck.open(path) as model:
        runner = ModelRunner(model, Job(str(path)), process, start=False)  # type: ignore[arg-type]
        tile = np.zeros((*runner.tile, runner.channels), np.uint16)
        tile[1, 2] = 65535
        runner.submit(tile)
    assert process.fed[0, 1, 2, 0] == most
    assert process.fed.sum() == most
