"""Metadata described by parameters, JSON or XML, with the reference library's names."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from czcheck.errors import InputError, UsageError
from czcheck.metadata import ModelMetadata, to_xml

GUID = "3f1c7a52-9d0b-4c36-8f5e-2b7d64a0c911"
KEYS: dict[str, Any] = {
    "BorderSize": 8,
    "ColorHandling": "ConvertToMonochrome",
    "PixelType": "Gray16",
    "Classes": ["Background", "Nucleus"],
    "ModelPath": "nowhere/nuclei_model/",
}


def test_the_notebooks_parameters_by_name() -> None:
    metadata = ModelMetadata.from_params(
        name="Simple_Nuclei_SegmentationModel",
        color_handling="ConvertToMonochrome",
        pixel_type="Gray16",
        classes=["Background", "Nucleus"],
        border_size=8,
    )
    assert metadata.name == "Simple_Nuclei_SegmentationModel"
    assert [item.name for item in metadata.classes] == ["Background", "Nucleus"]
    assert [item.label_value for item in metadata.classes] == [1, 2]
    assert metadata.pixel_types == ("Gray16",)
    assert metadata.border_size == 8


def test_parameters_by_place_are_those_of_the_reference() -> None:
    metadata = ModelMetadata.from_params("SplitRgb", "Bgr24", ("a", "b"), 3, "Cells")
    assert metadata.color_handling == "SplitRgb"
    assert metadata.pixel_types == ("Bgr24",)
    assert metadata.border_size == 3
    assert metadata.name == "Cells"
    assert ModelMetadata.from_params("SplitRgb", "Bgr24", ["a", "b"], 3).name == "DNN Model"


def test_every_description_gets_an_id_of_its_own() -> None:
    def make() -> ModelMetadata:
        return ModelMetadata.from_params("SplitRgb", "Gray8", ["a", "b"], 3)

    found = {make().model_id for _ in range(4)}
    found |= {ModelMetadata.from_json(KEYS).model_id for _ in range(4)}
    assert len(found) == 8
    given = ModelMetadata.from_params("SplitRgb", "Gray8", ["a"], 3, model_id=GUID.upper())
    assert given.model_id == GUID


def test_twelve_classes_have_twelve_colours_unless_they_are_given() -> None:
    names = [f"class {number}" for number in range(12)]
    metadata = ModelMetadata.from_params("SplitRgb", "Gray8", names, 3)
    assert len({item.color for item in metadata.classes}) == 12
    given = ModelMetadata.from_params(
        "SplitRgb", "Gray8", ["a", "b"], 3, colors=["#0a0b0c", (1, 2, 3)]
    )
    assert [item.color for item in given.classes] == [(10, 11, 12), (1, 2, 3)]


def test_numpys_numbers_and_arrays_are_numbers_and_lists() -> None:
    import numpy as np

    values: dict[str, Any] = {
        "color_handling": "SplitRgb",
        "pixel_type": np.str_("Gray8"),
        "classes": np.array(["a", "b"]),
        "colors": np.array([[1, 2, 3], [4, 5, 6]], np.uint8),
        "model_id": uuid.UUID(GUID),
    }
    for border in (np.int64(3), np.float32(3), np.array(3)):
        metadata = ModelMetadata.from_params(**{**values, "border_size": border})
        assert metadata.border_size == 3
        assert type(metadata.border_size) is int
    assert [(item.name, item.color) for item in metadata.classes] == [
        ("a", (1, 2, 3)),
        ("b", (4, 5, 6)),
    ]
    assert metadata.model_id == GUID


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"color_handling": "Foo"}, "color_handling is 'Foo'; give \"ConvertToMonochrome\" or"),
        ({"pixel_type": "Gray12"}, "pixel_type is 'Gray12'; give one of Gray8"),
        ({"pixel_type": "Gray64ComplexFloat"}, "no network takes complex pixels"),
        ({"pixel_type": ["Gray8", "Bgr24"]}, "pixel_type lists 2 types"),
        ({"classes": "abc"}, "classes is 'abc'; give a list of names"),
        ({"classes": ["a", "a"]}, "classes has the name 'a' twice"),
        ({"classes": ["a", 3]}, "classes, item 2, is 3; give a name"),
        ({"classes": []}, "classes has 0 names"),
        ({"border_size": "-3"}, "border_size is '-3'; give a whole number of pixels"),
        ({"border_size": -3}, "border_size is -3"),
        ({"border_size": None}, "border_size is None"),
        ({"border_size": True}, "border_size is True"),
        ({"border_size": float}, "border_size is of type type"),
        ({"classes": {"a", "b"}}, "classes is of type set; give a list of names"),
        ({"classes": ["a", None]}, "classes, item 2, is None; give a name"),
        ({"name": " "}, "name is empty"),
        ({"name": "bell\x07"}, r"name holds the character U\+0007"),
        ({"colors": ["#ff0000"]}, r"colors has 1 colour\(s\) for 2 class"),
        ({"model_id": "7"}, "model_id is '7'; give a GUID"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_give(changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {
        "color_handling": "SplitRgb",
        "pixel_type": "Gray8",
        "classes": ["a", "b"],
        "border_size": 3,
        **changes,
    }
    with pytest.raises(InputError, match=message):
        ModelMetadata.from_params(**values)


def test_a_licence_is_told_where_it_belongs() -> None:
    with pytest.raises(UsageError, match="give license_file to ModelSpec"):
        ModelMetadata.from_params("SplitRgb", "Gray8", ["a", "b"], 3, "Name", "LICENSE.txt")


def test_json_describes_metadata_without_the_files_that_it_names(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({**KEYS, "LicenseFile": "none.txt"}))
    for source in (path, str(path), KEYS):
        metadata = ModelMetadata.from_json(source)
        assert metadata.name == "nuclei_model"
        assert metadata.border_size == 8
    named = {**KEYS, "Name": "Nuclei", "Id": GUID}
    path.write_text(json.dumps(named))
    assert ModelMetadata.from_json(path) == ModelMetadata.from_json(named)
    assert ModelMetadata.from_json(path).name == "Nuclei"


def test_json_without_a_model_has_a_name_all_the_same(tmp_path: Path) -> None:
    keys = {key: value for key, value in KEYS.items() if key != "ModelPath"}
    path = tmp_path / "nuclei.json"
    path.write_text(json.dumps(keys))
    assert ModelMetadata.from_json(path).name == "nuclei"
    assert ModelMetadata.from_json(keys).name == "DNN Model"


def test_wrong_json_is_placed(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text('{"BorderSize": 8,\n "Classes": "abc"}')
    with pytest.raises(InputError, match=r"spec.json, line 2, column 13: Classes is 'abc'"):
        ModelMetadata.from_json(path)
    with pytest.raises(InputError, match="Classes is 'abc'"):
        ModelMetadata.from_json({**KEYS, "Classes": "abc"})
    misspelt = {"Clases" if key == "Classes" else key: KEYS[key] for key in KEYS}
    with pytest.raises(InputError, match=r"Classes is missing.*'Clases' is no key: is it"):
        ModelMetadata.from_json(misspelt)
    with pytest.raises(InputError, match="PixelType is missing"):
        ModelMetadata.from_json({key: KEYS[key] for key in KEYS if key != "PixelType"})
    with pytest.raises(UsageError, match="no such file"):
        ModelMetadata.from_json(tmp_path / "none.json")


@pytest.mark.parametrize("read", [ModelMetadata.from_json, ModelMetadata.from_xml])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "is of type NoneType; give a path, or"),
        (3, "is of type int; give a path, or"),
        ('{"BorderSize": 8}', "is the text of a document; give its path, or"),
        ("\n<Model/>", "is the text of a document; give its path, or"),
    ],
)
def test_what_is_no_path_is_told(
    read: Callable[[Any], ModelMetadata], given: object, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read(given)
    assert "\n" not in str(caught.value)


def test_metadata_that_became_none_are_not_written(tmp_path: Path) -> None:
    metadata = ModelMetadata.from_params("SplitRgb", "Gray8", ["a", "b"], 3)
    path = tmp_path / "model.xml"
    with pytest.raises(InputError, match="BorderSize is '-3'; it must be"):
        dataclasses.replace(metadata, border_size=-3).to_xml(path)
    with pytest.raises(UsageError, match="path is of type int"):
        metadata.to_xml(3)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_xml_goes_there_and_back(tmp_path: Path) -> None:
    metadata = ModelMetadata.from_params(
        "SplitRgb", "Bgr24", ["Zelle & <Rand>", "背景"], 3, 'a "name"'
    )
    path = tmp_path / "model.xml"
    data = metadata.to_xml(path)
    assert data == to_xml(metadata) == path.read_bytes()
    assert ModelMetadata.from_xml(data) == metadata
    assert ModelMetadata.from_xml(path) == ModelMetadata.from_xml(str(path)) == metadata


def test_xml_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.xml"
    path.write_bytes(b"<Model Version='3.0.0'/>")
    with pytest.raises(InputError, match=r"model.xml: the metadata XML breaks the schema"):
        ModelMetadata.from_xml(path)
    with pytest.raises(InputError, match="the metadata XML is empty"):
        ModelMetadata.from_xml(b"")
    with pytest.raises(UsageError, match=r"none\.xml: cannot be opened: No such file"):
        ModelMetadata.from_xml(tmp_path / "none.xml")
    with pytest.raises(InputError, match="cannot be written"):
        ModelMetadata.from_json(KEYS).to_xml(tmp_path / "none" / "model.xml")
