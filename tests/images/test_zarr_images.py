"""Zarr and OME-Zarr as images."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from czcheck.errors import InputError, UsageError
from czcheck.images import open_image

zarr = pytest.importorskip("zarr", reason="zarr is not installed")

PIXELS = np.random.default_rng(0).integers(0, 60_000, (2, 3, 2, 100, 140), np.uint16)
AXES = [
    {"name": "t", "type": "time"},
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "nanometer"},
]
SCALE = {"type": "scale", "scale": [1, 1, 1, 0.5, 250]}
MULTISCALES: list[dict[str, Any]] = [
    {"axes": AXES, "datasets": [{"path": "0", "coordinateTransformations": [SCALE]}]}
]
OMERO = {"channels": [{"label": name} for name in "ABC"]}


def write_image(path: Path, version: Literal[2, 3]) -> None:
    group = zarr.open_group(path, mode="w", zarr_format=version)
    metadata = {"multiscales": MULTISCALES, "omero": OMERO}
    group.attrs.update(metadata if version == 2 else {"ome": {"version": "0.5", **metadata}})
    shards = {} if version == 2 else {"shards": (1, 3, 1, 128, 192)}
    array = group.create_array(
        "0", shape=PIXELS.shape, chunks=(1, 1, 1, 64, 64), dtype="u2", **shards
    )
    array[:] = PIXELS


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("zarr")
    for version in (2, 3):
        write_image(folder / str(version), version)
    return {version: folder / str(version) for version in (2, 3)}


@pytest.fixture(params=[2, 3])
def store(request: pytest.FixtureRequest, templates: dict[int, Path]) -> Path:
    return templates[request.param]


@pytest.fixture
def copied(templates: dict[int, Path], tmp_path: Path) -> Path:
    path = tmp_path / "image.zarr"
    shutil.copytree(templates[2], path)
    return path


def test_ome_zarr_of_both_versions(store: Path) -> None:
    with open_image(store, channel="B,A") as image:
        assert (image.format, image.pixel_type, image.channels) == (
            "OME-Zarr",
            "2 x Gray16",
            ("B", "A"),
        )
        assert image.pixel_size == (0.5, 0.25)
        assert [each.name for each in image.planes] == ["_t0_z0", "_t0_z1", "_t1_z0", "_t1_z1"]
        for plane in image.planes:
            np.testing.assert_array_equal(
                image.read(plane, 10, 20, 50, 77),
                np.moveaxis(PIXELS[plane.time, [1, 0], plane.z, 10:60, 20:97], 0, -1),
            )


def test_a_collection_gives_scenes(templates: dict[int, Path], tmp_path: Path) -> None:
    path = tmp_path / "collection.zarr"
    zarr.open_group(path, mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    for place in ("0", "1"):
        shutil.copytree(templates[2], path / place)
    with open_image(path, scene=1, time=0, z=0) as image:
        (plane,) = image.planes
        assert (plane.scene, plane.scene_name) == (1, "1")
        np.testing.assert_array_equal(
            image.read(plane, 0, 0, 100, 140), np.moveaxis(PIXELS[0, :, 0], 0, -1)
        )


def test_a_plate_gives_its_fields(templates: dict[int, Path], tmp_path: Path) -> None:
    path = tmp_path / "plate.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.attrs["plate"] = {"wells": [{"path": "A/1"}]}
    well = zarr.open_group(path, path="A/1", mode="a", zarr_format=2)
    well.attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}]}
    for field in "01":
        shutil.copytree(templates[2], path / "A" / "1" / field)
    with open_image(path, time=0, z=0) as image:
        assert [each.scene_name for each in image.planes] == ["A/1/0", "A/1/1"]


def test_plain_arrays_need_the_names_of_their_axes(tmp_path: Path) -> None:
    path = tmp_path / "plain.zarr"
    array = zarr.create_array(path, shape=(100, 140), chunks=(30, 30), dtype="u2")
    array[:] = PIXELS[0, 0, 0]
    with open_image(path) as image:
        assert image.format == "Zarr"
        np.testing.assert_array_equal(
            image.read(image.planes[0], 7, 8, 50, 60)[..., 0], PIXELS[0, 0, 0, 7:57, 8:68]
        )
    three = tmp_path / "three.zarr"
    zarr.create_array(three, shape=(3, 100, 140), chunks=(1, 30, 30), dtype="u2")
    with pytest.raises(InputError, match="name its dimensions"):
        open_image(three)
    named = tmp_path / "named.zarr"
    zarr.create_array(
        named, shape=(3, 9, 9), chunks=(1, 9, 9), dtype="u2", dimension_names=["c", "y", "x"]
    )
    assert open_image(named).channels == ("0", "1", "2")


def edit(path: Path, change: dict[str, Any]) -> None:
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, **change}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"filters": [{"id": "pickle", "protocol": 5}]}, "coded with 'pickle'"),
        ({"filters": [{"id": "vlen-utf8"}]}, "coded with 'vlen-utf8'"),
        ({"compressor": {"id": "json2"}}, "coded with 'json2'"),
        ({"dtype": "|O"}, "not numbers"),
        ({"dtype": [["a", "<i4"]]}, "not numbers"),
        ({"chunks": [1, 1, 1, 1 << 20, 1 << 20]}, "chunks are too large"),
        ({"shape": [1 << 40, 1, 1, 100, 140]}, "planes are more than"),
        ({"shape": [1, 1, 1, 1 << 40, 1 << 40]}, "pixels are more than"),
        ({"shape": [1, 1, 1, 0, 140]}, "no pixels"),
        ({"shape": "many"}, "damaged"),
    ],
)
def test_hostile_arrays_are_refused(copied: Path, change: dict[str, Any], words: str) -> None:
    path = copied
    edit(path / "0" / ".zarray", change)
    with pytest.raises(InputError, match=words) as caught:
        open_image(path)
    assert "\n" not in str(caught.value)


def test_codecs_inside_shards_are_looked_at(templates: dict[int, Path], tmp_path: Path) -> None:
    path = tmp_path / "image.zarr"
    shutil.copytree(templates[3], path)
    document = json.loads((path / "0" / "zarr.json").read_text())
    document["codecs"][0]["configuration"]["codecs"].append({"name": "numcodecs.pickle"})
    (path / "0" / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"coded with 'numcodecs\.pickle'"):
        open_image(path)


def test_nothing_leads_out_of_the_store(copied: Path, tmp_path: Path) -> None:
    path = copied
    chunk = path / "0" / "0" / "0" / "0" / "0" / "0"
    if not chunk.exists():
        chunk = path / "0" / "0.0.0.0.0"
    secret = tmp_path / "secret"
    chunk.rename(secret)
    chunk.symlink_to(secret)
    with (
        open_image(path) as image,
        pytest.raises(InputError, match="leads out of the store"),
    ):
        image.read(image.planes[0], 0, 0, 9, 9)
    chunk.unlink()
    os.mkfifo(chunk)
    with open_image(path) as image, pytest.raises(InputError, match="is no file"):
        image.read(image.planes[0], 0, 0, 9, 9)
    group = json.loads((path / ".zattrs").read_text())
    group["multiscales"][0]["datasets"][0]["path"] = "../elsewhere"
    (path / ".zattrs").write_text(json.dumps(group))
    with pytest.raises(InputError, match="names an array"):
        open_image(path)


def test_damage_is_one_line(copied: Path, tmp_path: Path) -> None:
    path = copied
    (path / ".zattrs").write_text('{"multiscales": [{"datasets": []}]}')
    with pytest.raises(InputError, match="`multiscales` are incomplete"):
        open_image(path)
    (path / ".zattrs").write_text("{")
    with pytest.raises(InputError, match=r"damaged.* in /\.zattrs"):
        open_image(path)
    (path / ".zattrs").write_text("{}")
    with pytest.raises(InputError, match="holds no OME-Zarr image"):
        open_image(path)
    empty = tmp_path / "empty.zarr"
    empty.mkdir()
    with pytest.raises(InputError, match="no Zarr store"):
        open_image(empty)
    with pytest.raises(UsageError, match="the folder is no image"):
        open_image(tmp_path)


def test_a_damaged_chunk_is_told_with_its_place(copied: Path, tmp_path: Path) -> None:
    path = copied
    for chunk in path.glob("0/**/0"):
        if chunk.is_file():
            chunk.write_bytes(b"no chunk")
    for chunk in path.glob("0/0.0.0.0.0"):
        chunk.write_bytes(b"no chunk")
    with (
        open_image(path) as image,
        pytest.raises(InputError, match=r"damaged.* in the region at row 2, column 3"),
    ):
        image.read(image.planes[0], 2, 3, 9, 9)


def test_without_the_package_the_extra_is_named(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(UsageError, match=r"Zarr needs the package zarr.*czcheck\[images\]"):
        open_image(store)


def test_the_largest_array_is_the_full_resolution(copied: Path) -> None:
    group = zarr.open_group(copied, mode="r+")
    small = group.create_array(
        "small", shape=(2, 3, 2, 50, 70), chunks=(1, 1, 1, 50, 70), dtype="u2"
    )
    small[:] = 1
    smaller = {**MULTISCALES[0]["datasets"][0], "path": "small"}
    datasets = [smaller, *MULTISCALES[0]["datasets"]]
    group.attrs["multiscales"] = [{**MULTISCALES[0], "datasets": datasets}]
    with open_image(copied) as image:
        np.testing.assert_array_equal(
            image.read(image.planes[0], 0, 0, 100, 140), np.moveaxis(PIXELS[0, :, 0], 0, -1)
        )


def separated(version: Literal[2, 3], name: str, separator: Literal[".", "/"]) -> dict[str, Any]:
    """How keys of chunks are made, for `create_array`."""
    return {"zarr_format": version, "chunk_key_encoding": {"name": name, "separator": separator}}


@pytest.mark.parametrize(
    ("version", "name", "stored", "wrong", "words"),
    [
        (2, "v2", ".", "/", r'files such as 0\.0\.0, .* say 0/0/0.*"dimension_separator" to "\."'),
        (2, "v2", "/", ".", r'files such as 0/0/0, .* say 0\.0\.0.*"dimension_separator" to "/"'),
        (3, "default", ".", "/", r"files such as c\.0\.0\.0, .* say c/0/0/0.*chunk_key_encoding"),
        (3, "default", "/", ".", r"files such as c/0/0/0, .* say c\.0\.0\.0.*chunk_key_encoding"),
    ],
)
def test_chunks_under_other_names_than_the_metadata_say(
    tmp_path: Path,
    version: Literal[2, 3],
    name: str,
    stored: Literal[".", "/"],
    wrong: Literal[".", "/"],
    words: str,
) -> None:
    path = tmp_path / "image.zarr"
    how: dict[str, Any] = {"shape": (100, 140), "chunks": (64, 64), "dtype": "u2"}
    array = zarr.create_array(path, **how, **separated(version, name, stored))
    array[:] = PIXELS[0, 0, 0]
    with open_image(path) as image:
        assert image.warnings == ()
        np.testing.assert_array_equal(
            image.read(image.planes[0], 0, 0, 100, 140)[..., 0], PIXELS[0, 0, 0]
        )
    other = tmp_path / "other"
    zarr.create_array(other, **how, **separated(version, name, wrong))
    document = ".zarray" if version == 2 else "zarr.json"
    shutil.copy(other / document, path / document)
    with pytest.raises(InputError, match=words):
        open_image(path)


def test_a_store_without_any_chunk_is_told(copied: Path) -> None:
    for each in (copied / "0").iterdir():
        if each.name != ".zarray":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    with open_image(copied) as image:
        (warning,) = image.warnings
        assert "no chunk of the array 0 is stored" in warning
        assert not image.read(image.planes[0], 0, 0, 10, 10).any()
    one = zarr.open_array(copied, path="0", mode="r+")
    one[0, 0, 0, :5, :5] = 1  # what is not stored beside it is the fill value
    with open_image(copied) as image:
        assert image.warnings == ()


@pytest.mark.parametrize(
    "how",
    [
        {"dtype": ">u2", "zarr_format": 2},
        {"dtype": "<u2", "zarr_format": 2, "filters": "delta"},
        {"dtype": "u2", "zarr_format": 2, "order": "F"},
        {"dtype": "u2", "zarr_format": 3, "serializer": "big"},
        {"dtype": "u2", "zarr_format": 3, "shards": (128, 192)},
        {"dtype": "u4", "zarr_format": 3, "fill_value": 7},
    ],
)
def test_numbers_are_read_however_they_are_coded(tmp_path: Path, how: dict[str, Any]) -> None:
    import numcodecs
    from zarr.codecs import BytesCodec

    how = dict(how)
    if "filters" in how:
        how["filters"] = [numcodecs.Delta(dtype="<u2")]
    if "serializer" in how:
        how["serializer"] = BytesCodec(endian="big")
    array = zarr.create_array(tmp_path / "a.zarr", shape=(100, 140), chunks=(64, 64), **how)
    array[:64] = PIXELS[0, 0, 0, :64]
    expected = np.full((100, 140), how.get("fill_value", 0), np.uint16)
    expected[:64] = PIXELS[0, 0, 0, :64]
    with open_image(tmp_path / "a.zarr") as image:
        pixels = image.read(image.planes[0], 0, 0, 100, 140)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[..., 0], expected)


def test_numbers_of_masks_are_read_whatever_their_size(tmp_path: Path) -> None:
    numbers = np.arange(100 * 140, dtype=np.uint32).reshape(100, 140) * 1000
    array = zarr.create_array(tmp_path / "a.zarr", shape=(100, 140), chunks=(64, 64), dtype="u4")
    array[:] = numbers
    with open_image(tmp_path / "a.zarr", numbers=True) as mask:
        np.testing.assert_array_equal(mask.read(mask.planes[0], 0, 0, 100, 140)[..., 0], numbers)


def test_images_of_a_collection_that_are_missing_move_no_other(
    templates: dict[int, Path], tmp_path: Path
) -> None:
    path = tmp_path / "collection.zarr"
    zarr.open_group(path, mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    for place in "02":
        shutil.copytree(templates[2], path / place)
    with pytest.raises(InputError, match=r"the store lacks 1, which its metadata name.*--scene"):
        open_image(path)
    with open_image(path, scene=2) as image:
        assert {each.scene for each in image.planes} == {2}
    with open_image(path, allow_missing=True) as image:
        assert {each.scene for each in image.planes} == {0, 2}
        assert image.missing


def test_wells_of_a_plate_that_are_missing_are_named(
    templates: dict[int, Path], tmp_path: Path
) -> None:
    path = tmp_path / "plate.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "A/2"}]}
    well = group.require_group("A/2")
    well.attrs["well"] = {"images": [{"path": "0"}]}
    shutil.copytree(templates[2], path / "A" / "2" / "0")
    with pytest.raises(InputError, match="the store lacks A/1, which its metadata name"):
        open_image(path)
