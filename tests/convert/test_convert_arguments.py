"""Calls of the convert functions that cannot be carried out: what is said, and nothing written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import czcheck
from czcheck.convert import convert_from_json_spec, convert_from_model_spec
from czcheck.errors import CzcheckError, InputError, UsageError

KEYS = {
    "BorderSize": 4,
    "ColorHandling": "SplitRgb",
    "PixelType": "Gray8",
    "Classes": ["Background", "Nucleus"],
    "ModelPath": "model",
    "Name": "Nuclei",
}


@pytest.fixture
def metadata() -> czcheck.ModelMetadata:
    return czcheck.ModelMetadata.from_params("SplitRgb", "Gray8", ["Background", "Nucleus"], 4)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(KEYS))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output_name": "a/b"}, "output_name is 'a/b'; give the archive's name alone"),
        ({"output_name": ".czmodel"}, "output_name is '.czmodel'"),
        ({"output_name": 3}, "output_name is 3"),
        ({"output_path": None}, "output_path is of type NoneType; give a path"),
        ({"spatial_dims": (64,)}, r"spatial_dims is \(64,\); give \(height, width\)"),
        ({"spatial_dims": (64, 0)}, "spatial_dims is"),
        ({"spatial_dims": 64}, "spatial_dims is 64"),
        ({"preprocessing": "RgbToBrg"}, "did you mean 'RgbToBgr'?"),
        ({"postprocessing": ["RgbToBgr"]}, "that one stands in front of a network"),
        ({"postprocessing": 3}, "int cannot be put around this model"),
        ({"model_spec": "spec.json"}, "of type str; give a czcheck.ModelSpec"),
    ],
)
def test_a_wrong_argument_is_named(
    changes: dict[str, Any], message: str, metadata: czcheck.ModelMetadata, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {
        "model_spec": czcheck.ModelSpec("model", metadata),
        "output_path": tmp_path / "out",
        "output_name": "x",
        **changes,
    }
    with pytest.raises(UsageError, match=message):
        convert_from_model_spec(**arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tile": "64x64"}, r"tile is '64x64'; give \(height, width\)"),
        ({"tile": (64, None)}, "tile is"),
        ({"tile": (64,)}, "tile is"),
        ({"tile": (0, 64)}, "tile is"),
        ({"preprocessing": "Blur"}, "give one of RgbToBgr"),
        ({"preprocessing": 3}, "preprocessing is of type int; give a list of operations"),
        ({"postprocessing": [3]}, "postprocessing holds something of type int"),
    ],
)
def test_build_names_a_wrong_argument_before_it_reads(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        czcheck.build(tmp_path / "none.json", **changes)
    if "tile" in changes:
        with pytest.raises(UsageError, match=message):
            czcheck.repair(tmp_path / "none.czmodel", tmp_path / "new.czmodel", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_there_is_named_as_python_names_it(
    metadata: czcheck.ModelMetadata, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"^nowhere: `model` names a folder that does not exist$"):
        convert_from_model_spec(czcheck.ModelSpec("nowhere", metadata), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_none_is_refused(metadata: czcheck.ModelMetadata, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model is of type int; give a Keras model"):
        convert_from_model_spec(czcheck.ModelSpec(3, metadata), tmp_path / "out")
    with pytest.raises(UsageError, match="model_metadata is of type dict"):
        convert_from_model_spec(czcheck.ModelSpec("model", KEYS), tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_metadata_made_by_hand_is_checked_as_well(
    metadata: czcheck.ModelMetadata, tmp_path: Path
) -> None:
    def convert(**changes: Any) -> None:
        changed = dataclasses.replace(metadata, **changes)
        convert_from_model_spec(czcheck.ModelSpec("model", changed), tmp_path / "out")

    with pytest.raises(InputError, match="PixelType is 'Gray12'; give one of Gray8"):
        convert(pixel_types=("Gray12",))
    with pytest.raises(InputError, match="the metadata's postprocessing, unknown cannot be built"):
        convert(postprocessing="CRF", unknown=("x",))
    with pytest.raises(UsageError, match="classes of the metadata are given by name"):
        convert(classes=("Background", "Nucleus"))
    first, second = metadata.classes
    with pytest.raises(InputError, match="the metadata's classes cannot be built"):
        convert(classes=(second, first))
    assert list(tmp_path.iterdir()) == []


def test_a_specification_fails_as_build_fails(spec: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CzcheckError) as built:
        czcheck.build(spec, tmp_path / "x.czmodel")
    with pytest.raises(CzcheckError) as converted:
        convert_from_json_spec(spec, tmp_path / "out" / "deep")
    assert type(converted.value) is type(built.value)
    assert str(converted.value) == str(built.value)
    assert "saved_model.pb" in str(built.value)
    with pytest.raises(CzcheckError, match=r"no saved_model\.pb"):
        convert_from_model_spec(czcheck.ModelSpec.from_json(spec), tmp_path / "out" / "deep")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_missing_specification_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        convert_from_json_spec(tmp_path / "none.json", tmp_path / "out")
    with pytest.raises(UsageError, match="no such file"):
        czcheck.ModelSpec.from_json(tmp_path / "none.json")
    assert list(tmp_path.iterdir()) == []


def test_a_specification_in_memory_holds_what_the_json_holds(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_text("free")
    spec.write_text(json.dumps({**KEYS, "LicenseFile": "LICENSE.txt", "SpatialDims": [64, 32]}))
    read = czcheck.ModelSpec.from_json(str(spec))
    assert read.model == tmp_path / "model"
    assert read.license_file == tmp_path / "LICENSE.txt"
    assert read.model_metadata.name == "Nuclei"
    assert read.json_spec is not None
    assert read.json_spec.spatial_dims == (64, 32)


def test_an_output_folder_that_is_a_file_is_refused(
    metadata: czcheck.ModelMetadata, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file: the folder cannot be made: File exists"):
        convert_from_model_spec(czcheck.ModelSpec("model", metadata), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_build_tells_where_a_model_in_memory_goes(metadata: czcheck.ModelMetadata) -> None:
    with pytest.raises(UsageError, match=r"give the path of a JSON spec.*call convert_from_model"):
        czcheck.build(czcheck.ModelSpec("model", metadata))  # type: ignore[arg-type]
