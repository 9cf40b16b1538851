"""Evidence: what is kept for a finding, under which name, and what is left alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from czcheck import verify
from czcheck.errors import IncompleteError, UsageError
from czcheck.report import NO_NUMBER
from czcheck.report.picture import picture
from czcheck.rules import Finding, InMember, Location, Severity, TilePixel
from czcheck.runtime import Output
from czcheck.verifying import Spool, check_folder, write_evidence
from fixtures.make import BAD

RED, GREEN = (200, 10, 20), (30, 180, 40)
SHA = "0123456789abcdef" * 4


def finding(code: str, at: Location, **fields: str) -> Finding:
    return Finding(code, Severity.ERROR, at, f"{code} speaks", tuple(fields.items()))


def answer(*probabilities: float) -> Output:
    array = np.asarray(probabilities, np.float32).reshape(1, 2, -1, 2)
    return Output(array, "float32", array.shape, 0.1)


@pytest.fixture
def spool() -> Iterator[Spool]:
    made = Spool()
    tile = np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1)
    made.add("nuclei", tile, answer(0.9, 0.1, 0.2, 0.8, 1.0, 0.0, 0.5, 0.5))
    made.add("nuclei, scaled to 0..1", tile / 3, answer(*[0.25, 0.75] * 4))
    made.add("../../etc/p\u202ewd\x1b[1m.png (centre)", tile, None)
    yield made
    made.close()


def write(folder: Path, spool: Spool, *findings: Finding) -> list[str]:
    return write_evidence(
        folder,
        findings,
        spool,
        archive="my model (1).czmodel",
        sha256=SHA,
        colours=[RED, GREEN],
        bgr=False,
    )


def test_arrays_and_pictures_by_predictable_names(tmp_path: Path, spool: Spool) -> None:
    folder = tmp_path / "new" / "evidence"
    found = finding("CZ406", TilePixel("nuclei", 1, 0, 0))
    names = write(folder, spool, found)
    base = "my_model_1-01234567-CZ406-nuclei"
    assert names == [f"{base}.npz", f"{base}.png"]
    assert sorted(each.name for each in folder.iterdir()) == names
    with np.load(folder / names[0], allow_pickle=False) as arrays:
        assert set(arrays) == {"message", "tile", "answer"}
        assert arrays["message"] == "CZ406 speaks"
        assert arrays["tile"].shape == (2, 2, 1)
        assert arrays["answer"].shape == (1, 2, 2, 2)
    with Image.open(folder / names[1]) as image:
        assert image.size == (3 * 2 + 2 * 4, 2)


def test_both_sides_of_a_comparison_are_kept(tmp_path: Path, spool: Spool) -> None:
    found = finding("CZ419", TilePixel("nuclei"), other="nuclei, scaled to 0..1")
    npz, png = write(tmp_path, spool, found)
    with np.load(tmp_path / npz) as arrays:
        np.testing.assert_allclose(arrays["other_tile"] * 3, arrays["tile"])
        assert arrays["other_answer"][0, 0, 0, 1] == 0.75
    with Image.open(tmp_path / png) as image:
        assert image.size == (14, 2 + 4 + 2)


def test_names_are_harmless_and_a_tile_without_answer_is_kept(tmp_path: Path, spool: Spool) -> None:
    tile = "../../etc/p\u202ewd\x1b[1m.png (centre)"
    npz, _ = write(tmp_path / "in", spool, finding("CZ402", TilePixel(tile)))
    assert npz == "my_model_1-01234567-CZ402-etc_p_wd_1m.png_centre.npz"
    with np.load(tmp_path / "in" / npz) as arrays:
        assert set(arrays) == {"message", "tile"}
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_nothing_is_written_where_there_is_nothing_to_show(tmp_path: Path, spool: Spool) -> None:
    folder = tmp_path / "evidence"
    elsewhere = finding("CZ119", InMember("LICENSE.txt"))
    whole = finding("CZ401", InMember("saved_model.pb"))
    unknown = finding("CZ406", TilePixel("a tile that never ran"))
    assert write(folder, spool, elsewhere, whole, unknown) == []
    assert not folder.exists()


def test_files_of_others_are_left_alone(tmp_path: Path, spool: Spool) -> None:
    found = finding("CZ406", TilePixel("nuclei"))
    base = "my_model_1-01234567-CZ406-nuclei"
    outside = tmp_path / "outside"
    outside.write_text("mine")
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / f"{base}.npz").symlink_to(outside)
    (folder / f"{base}.png").write_text("mine, too")
    names = write(folder, spool, found)
    assert names == [f"{base}-2.npz", f"{base}-2.png"]
    assert outside.read_text() == "mine"
    assert (folder / f"{base}.png").read_text() == "mine, too"
    assert write(folder, spool, found) == names, "the same evidence is there already"
    assert len(list(folder.iterdir())) == 4


def test_a_folder_that_cannot_be(tmp_path: Path, spool: Spool) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="needs a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(IncompleteError, match="cannot store evidence"):
        write(tmp_path / "file" / "below", spool, finding("CZ406", TilePixel("nuclei")))


def test_a_closed_spool_leaves_nothing(spool: Spool) -> None:
    folder = spool._folder
    assert folder.is_dir()
    spool.close()
    assert not folder.exists()


def pixels_of(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)


def test_a_picture_shows_input_classes_and_confidence() -> None:
    tile = np.array([[[0.0], [50.0]], [[100.0], [200.0]]], np.float32)
    given = np.array([[[[0.9, 0.1], [0.2, 0.8]], [[1.0, 0.0], [np.nan, 0.5]]]], np.float32)
    shown = pixels_of(picture([(tile, given)], [RED, GREEN], bgr=False))
    assert shown.shape == (2, 14, 3)
    assert shown[:, :2, 0].tolist() == [[0, 64], [128, 255]]
    assert shown[0, 6].tolist() == list(RED)
    assert shown[0, 7].tolist() == list(GREEN)
    assert shown[1, 7].tolist() == shown[1, 13].tolist() == list(NO_NUMBER)
    assert shown[0, 12].tolist() == [229] * 3
    assert shown[1, 12].tolist() == [255] * 3


def test_colours_of_the_input_are_as_the_eye_sees_them() -> None:
    tile = np.zeros((2, 2, 4), np.float32)
    tile[0, 0] = (255, 0, 0, 255)
    shown = pixels_of(picture([(tile, None)], [], bgr=True))
    assert shown.shape == (2, 2, 3)
    assert shown[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    "shape", [(1, 30, 30, 2), (2, 32, 32, 2), (1, 32, 32, 9), (32, 32), (0, 32, 32, 2)]
)
def test_answers_of_any_shape_make_a_picture(shape: tuple[int, ...]) -> None:
    tile = np.zeros((32, 32, 1), np.float32)
    for dtype in (np.float64, np.complex64, np.int32, np.bool_):
        assert pixels_of(picture([(tile, np.ones(shape, dtype))], [RED], bgr=False)).size


def test_large_images_are_thinned_out() -> None:
    tile = np.zeros((2500, 300, 1), np.float32)
    assert pixels_of(picture([(tile, None)], [], bgr=False)).shape == (834, 100, 3)


@pytest.mark.tensorflow
def test_verify_keeps_evidence(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    report = verify(BAD / "CZ421_transposed.czmodel", evidence=folder)
    names = report.files[0].looked_at["evidence"]
    assert sorted(names) == sorted(each.name for each in folder.iterdir())
    with np.load(folder / names[0]) as arrays:
        np.testing.assert_array_equal(arrays["other_tile"], np.roll(arrays["tile"], (8, 4), (0, 1)))
        assert arrays["answer"].shape == arrays["other_answer"].shape == (1, 32, 32, 2)
    assert (
        verify(BAD / "CZ421_transposed.czmodel", evidence=folder).files[0].looked_at["evidence"]
        == names
    )
    assert "evidence: " in str(report)
