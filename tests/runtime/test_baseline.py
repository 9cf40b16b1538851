"""Baselines: what is kept, what is compared, and files that are none."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.errors import IncompleteError, UsageError
from czcheck.runtime import (
    HEAD,
    Baseline,
    BaselineComparison,
    BaselineTolerances,
    GoldenTile,
    Output,
    StoredOutputs,
    block_means,
    compare_with_baseline,
    golden_output,
    read_baseline,
    write_baseline_file,
)
from czcheck.test_tiles import Tile, tiles
from fixtures.archives import zip_bytes

SIZE = 16
TILES = [*tiles(SIZE, SIZE, 1, "Gray16", names=("nuclei", "noise"))]


def answers(*, moved: float = 0.0) -> dict[str, Any]:
    """Brighter pixels belong more to the second class."""
    return {
        tile.name: np.concatenate([1 - tile.pixels / 65535, tile.pixels / 65535], axis=-1)[None]
        + np.float32(moved)
        for tile in TILES
    }


def baseline_of(path: Path, **changes: Any) -> Baseline:
    parts: dict[str, Any] = {
        "path": path,
        "model_id": "3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911",
        "model_name": "Nuclei",
        "sha256": "0" * 64,
        "czcheck": "0.1.0",
        "tensorflow": "2.21.0",
        "height": SIZE,
        "width": SIZE,
        "channels": 1,
        "pixel_type": "Gray16",
        "scaled": False,
        "classes": ("Background", "Nucleus"),
        "tiles": tuple(GoldenTile(tile.name, 0, block_means(tile.pixels)) for tile in TILES),
        "tolerances": BaselineTolerances(),
    }
    return Baseline(**{**parts, **changes})


@pytest.fixture
def golden(tmp_path: Path) -> Baseline:
    path = tmp_path / "golden.npz"
    write_baseline_file(path, baseline_of(path), answers())
    return read_baseline(path)


def compared(
    baseline: Baseline, today: dict[str, Any], tested: list[Tile] = TILES, **other: Any
) -> BaselineComparison:
    kept = StoredOutputs(set(today))
    for name, array in today.items():
        kept.add(name, array, Output(array, "float32", array.shape, 0.1))
    terms: dict[str, Any] = {"classes": 2, "pixel_type": "Gray16", "scaled": False, **other}
    try:
        return compare_with_baseline(
            baseline, lambda tile: golden_output(baseline, tile), tested, kept, **terms
        )
    finally:
        kept.close()


def test_what_is_written_is_read(golden: Baseline) -> None:
    assert golden == baseline_of(golden.path)
    for name, array in answers().items():
        read = golden_output(golden, name)
        assert read.dtype == np.float32
        assert read.shape == (1, SIZE, SIZE, 2)
        np.testing.assert_allclose(read, array, atol=0.51 / 65535, rtol=0)


def test_numpy_reads_it_without_pickle(golden: Baseline) -> None:
    with np.load(golden.path, allow_pickle=False) as arrays:
        assert arrays["nuclei"].shape == (2, SIZE, SIZE)


def test_the_same_content_gives_the_same_bytes(golden: Baseline, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    write_baseline_file(again, baseline_of(again), answers())
    assert again.read_bytes() == golden.path.read_bytes()


def test_the_same_answers_agree(golden: Baseline) -> None:
    found = compared(golden, answers())
    assert found.other is None
    assert [tile.tile for tile in found.tiles] == ["nuclei", "noise"]
    assert not any(tile.differs for tile in found.tiles)
    assert found.dice == (1, 1)


def test_a_change_within_the_tolerance_agrees_and_one_beyond_does_not(golden: Baseline) -> None:
    assert not any(tile.differs for tile in compared(golden, answers(moved=9e-4)).tiles)
    found = compared(golden, answers(moved=0.002)).tiles[0].comparison
    assert found.change == pytest.approx(0.002, abs=2e-5)
    assert found.labels == 0


def test_dice_is_over_all_tiles(golden: Baseline) -> None:
    today = answers()
    flipped = today["noise"][..., ::-1]
    found = compared(golden, {**today, "noise": flipped})
    assert [tile.comparison.agreement for tile in found.tiles] == [1, pytest.approx(0, abs=0.02)]
    background = float((today["nuclei"][..., 0] >= 0.5).mean())
    assert found.dice[0] == pytest.approx(2 * background / (2 * background + 1), abs=0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": 8}, "its tiles are 8x16x1, those of the model 16x16x1"),
        ({"classes": ("a", "b", "c")}, "it has 3 classes, the model 2"),
        ({"scaled": True}, "its intensities are scaled to 0..1, those of the model raw"),
        ({"pixel_type": "Gray8"}, "its pixel type is Gray8, that of the model Gray16"),
    ],
)
def test_another_kind_of_model_is_told(golden: Baseline, change: Any, words: str) -> None:
    found = compared(baseline_of(golden.path, **change), answers())
    assert (found.other, found.tiles) == (words, ())


def test_tiles_that_are_made_otherwise_today_are_no_difference_of_the_model(
    golden: Baseline,
) -> None:
    brighter = [Tile(tile.name, tile.pixels * 1.1, tile.natural) for tile in TILES]
    with pytest.raises(IncompleteError, match="make the baseline anew"):
        compared(golden, answers(), brighter)
    last_digit = [Tile(tile.name, tile.pixels * (1 + 1e-6), tile.natural) for tile in TILES]
    assert compared(golden, answers(), last_digit).dice == (1, 1)


def head(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A baseline whose JSON was changed."""
    stream = io.BytesIO()
    write_baseline_file(stream, baseline_of(Path("x")), answers())
    with zipfile.ZipFile(stream) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    plain = json.loads(members[HEAD])
    change(plain)
    return zip_bytes([*{**members, HEAD: json.dumps(plain).encode()}.items()])


def without(name: str) -> bytes:
    stream = io.BytesIO()
    write_baseline_file(stream, baseline_of(Path("x")), answers())
    with zipfile.ZipFile(stream) as archive:
        return zip_bytes([(n, archive.read(n)) for n in archive.namelist() if n != name])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no baseline"),
        (b"\x93NUMPY" + bytes(100), "is no baseline"),
        (zip_bytes([("a.npy", b"x")]), "has no baseline.json"),
        (zip_bytes([(HEAD, b"[" * 100_000)]), "is not JSON"),
        (zip_bytes([(HEAD, b"[1]")]), "not that of a baseline"),
        (zip_bytes([(HEAD, b" " * (2 << 20))]), "larger than 1 MiB"),
        (without("noise.npy"), "answer to the tile noise is missing"),
        (head(lambda plain: plain.update(version=2)), "version is not 1"),
        (head(lambda plain: plain.update(height=10**9)), "`height` is not a number"),
        (head(lambda plain: plain.update(height=65536, width=65536)), "larger than 1 GiB"),
        (head(lambda plain: plain.update(width=True)), "`width` is not a number"),
        (head(lambda plain: plain.update(width=64)), "of another size"),
        (head(lambda plain: plain.update(classes=[])), "`classes` is not a list"),
        (head(lambda plain: plain.update(classes=[1])), "`classes` is not a list"),
        (head(lambda plain: plain.update(scaled=0)), "`scaled` is neither"),
        (head(lambda plain: plain.update(model_id=5)), "`model_id` is not text"),
        (head(lambda plain: plain.update(tiles=[])), "`tiles` is not a list"),
        (head(lambda plain: plain["tiles"].append(plain["tiles"][0])), "names one twice"),
        (head(lambda plain: plain["tiles"][0].update(name="../x")), "not built in"),
        (head(lambda plain: plain["tiles"][0].update(seed=7)), "`seed` of a tile is not 0"),
        (head(lambda plain: plain["tiles"][0].update(means=[[]])), "`means` is not a number"),
        (head(lambda plain: plain.pop("tolerances")), "`tolerances` are missing"),
        (head(lambda plain: plain["tolerances"].update(max_change=0)), "`max_change` is not a"),
        (head(lambda plain: plain["tolerances"].update(min_dice=None)), "`min_dice` is not a"),
        (
            head(lambda plain: plain["tolerances"].update(min_agreement=float("nan"))),
            "`min_agreement` is not a",
        ),
    ],
)
def test_files_that_are_no_baseline(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "wrong.npz"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=words) as error:
        read_baseline(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_folder_and_a_missing_file_are_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        read_baseline(tmp_path)
    with pytest.raises(UsageError, match="no such baseline"):
        read_baseline(tmp_path / "missing.npz")


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def planes(dtype: str) -> Any:
    return np.zeros((2, SIZE, SIZE), dtype)


@pytest.mark.parametrize(
    "array",
    [
        npy(planes("<u2").T.copy()),
        npy(np.asfortranarray(planes("<u2"))),
        npy(planes(">u2")),
        npy(planes("<i2")),
        b"\x93NUMPY\x01\x00\x04\x00{}  " + bytes(1100),
        b"\x93NUMPY\x01\x00\x04\x00((((" + bytes(1100),
        bytes(1100),
    ],
)
def test_an_array_that_is_none_of_the_right_kind(
    golden: Baseline, tmp_path: Path, array: bytes
) -> None:
    with zipfile.ZipFile(golden.path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "wrong.npz"
    path.write_bytes(zip_bytes([*{**members, "noise.npy": array}.items()]))
    with pytest.raises(UsageError, match="noise is damaged"):
        golden_output(read_baseline(path), "noise")
