"""Tiles fit together where the border suffices, and the report says where they do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import czcheck
from czcheck.cli import main

pytestmark = pytest.mark.tensorflow
TILE = 128


@pytest.fixture(scope="module")
def model(networks: Path) -> Iterator[czcheck.CzModel]:
    with czcheck.open(networks / "unet.czmodel") as opened:
        yield opened


@pytest.fixture(scope="module")
def of_any_size(networks: Path) -> Iterator[czcheck.CzModel]:
    with czcheck.open(networks / "open.czmodel") as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(of_any_size: czcheck.CzModel, nuclei: np.ndarray) -> np.ndarray:
    """The answer to the whole image as one tile."""
    return of_any_size.predict(nuclei, tile=nuclei.shape)


def border(model: czcheck.CzModel) -> int:
    assert model.reach.kind == "local"
    assert model.reach.largest is not None
    return model.reach.largest


def test_aligned_tiles_give_the_answer_of_the_whole_image(
    model: czcheck.CzModel, nuclei: np.ndarray, whole: np.ndarray
) -> None:
    ordered = np.sort(whole, axis=-1)
    clear = ordered[..., -1] - ordered[..., -2] > 1e-5
    assert clear.mean() > 0.99
    expected = whole.argmax(axis=-1) + 1
    assert len(np.unique(expected)) == 3
    labels = model.segment(nuclei, border=border(model), align=True)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels[clear], expected[clear])
    layout = czcheck.tiles(nuclei.shape, TILE, border(model), align=model.reach.stride)
    assert len(layout) > 9


def test_an_image_whose_size_is_no_multiple_of_the_stride(
    model: czcheck.CzModel, of_any_size: czcheck.CzModel, nuclei: np.ndarray
) -> None:
    odd = nuclei[:-3, :-1]
    labels = model.segment(odd, border=border(model), align=True)
    # Continued by the same reflection, it is one prediction of a whole image again.
    continued = np.pad(odd, [(0, 3), (0, 1)], mode="reflect")
    expected = of_any_size.segment(continued, tile=continued.shape)[:-3, :-1]
    assert (labels != expected).mean() < 1e-4


def test_probabilities_and_confidence(
    of_any_size: czcheck.CzModel, nuclei: np.ndarray, whole: np.ndarray
) -> None:
    assert whole.shape == (*nuclei.shape, 3)
    assert whole.dtype == np.float32
    labels = of_any_size.segment(nuclei, tile=nuclei.shape, min_confidence=60)
    best = whole.max(axis=-1)
    sure = np.abs(best - 0.6) > 1e-5
    np.testing.assert_array_equal((labels == 0)[sure], (best < 0.6)[sure])
    assert 0 < (labels == 0).mean() < 1


def test_lazy_arrays_and_files_give_the_same_labels(
    model: czcheck.CzModel, nuclei: np.ndarray, tmp_path: Path
) -> None:
    zarr = pytest.importorskip("zarr", reason="zarr needs Python 3.11")
    labels = model.segment(nuclei)
    Image.fromarray(nuclei).save(tmp_path / "nuclei.png")
    stored = zarr.array(nuclei, chunks=(100, 90))
    for source in (stored, tmp_path / "nuclei.png"):
        np.testing.assert_array_equal(model.segment(source), labels)
    as_numbers = model.segment(nuclei.tolist(), intensities="keep")
    np.testing.assert_array_equal(as_numbers, labels)


def test_options_that_do_not_fit_the_network_are_said(
    model: czcheck.CzModel, of_any_size: czcheck.CzModel, nuclei: np.ndarray
) -> None:
    with pytest.raises(czcheck.UsageError, match="takes tiles of 128x128 pixels, not 64x64"):
        model.segment(nuclei, tile=64)
    with pytest.raises(czcheck.UsageError, match="leaves the size of a tile open; give --tile"):
        of_any_size.segment(nuclei)
    with pytest.raises(czcheck.UsageError, match=r"stride is not known.*--stride"):
        of_any_size.segment(nuclei, tile=TILE, align=True)
    with pytest.raises(czcheck.UsageError, match=r"border of 64 pixels .* at most 63"):
        model.segment(nuclei, border=64)
    with pytest.raises(czcheck.UsageError, match="did you mean 'border'"):
        model.segment(nuclei, boarder=3)
    with pytest.raises(czcheck.UsageError, match="101 is not a percentage"):
        model.segment(nuclei, min_confidence=101)


def test_a_process_that_died_is_told_and_not_used_again(
    model: czcheck.CzModel, nuclei: np.ndarray
) -> None:
    assert model._predictor is not None
    assert model._predictor._runner is not None
    model._predictor._runner.kill()
    with pytest.raises(czcheck.InputError, match=r"unet\.czmodel: the network failed"):
        model.segment(nuclei)
    assert model._predictor._runner is None


def test_without_a_border_the_report_names_the_seams(
    networks: Path, nuclei: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "nuclei.png"
    Image.fromarray(nuclei).save(image)
    options = ["--border", "0", "--align", "--seams", "--json"]
    with pytest.raises(SystemExit) as stop:
        main(["segment", str(networks / "unet.czmodel"), str(image), *options])
    assert stop.value.code == 0
    (plane,) = json.loads(capsys.readouterr().out)["images"][0]["planes"]
    told: dict[str, Any] = plane["seams"]
    rows, columns = czcheck.tiles(nuclei.shape, TILE, 0, align=4).seams
    named = [(each["axis"], each["at"]) for each in told["seams"]]
    assert named == [("row", at) for at in rows] + [("column", at) for at in columns]
    assert all(each["changed"] > 0.005 for each in told["seams"])
    assert told["changed_near"] > 5 * told["changed_elsewhere"]
