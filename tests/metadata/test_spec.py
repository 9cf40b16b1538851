"""The JSON specification: what is read, and what is said about each mistake."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from czcheck.errors import InputError, UsageError
from czcheck.limits import Limits
from czcheck.metadata import (
    OPTIONAL,
    REQUIRED,
    BuildSpec,
    JsonError,
    JsonValue,
    parse_json,
    read_spec,
)

GUID = "3F1C7A52-9d0b-4c36-8f5e-2b7d64a0c911"
SOUND: dict[str, Any] = {
    "BorderSize": 8,
    "ColorHandling": "ConvertToMonochrome",
    "PixelType": "Gray16",
    "Classes": ["Background", "Nucleus"],
    "ModelPath": "saved",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "saved" / "deep").mkdir(parents=True)
    (tmp_path / "net.v2.keras").write_bytes(b"")
    (tmp_path / "LICENSE.txt").write_text("free")
    (tmp_path / "saved" / "image.tif").write_bytes(b"")
    return tmp_path


def write(folder: Path, content: bytes | str | dict[str, Any]) -> Path:
    path = folder / "spec.json"
    if isinstance(content, dict):
        content = json.dumps(content, ensure_ascii=False)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, **changes: Any) -> BuildSpec:
    return read_spec(write(folder, {**SOUND, **changes}))


def message(path: Path) -> str:
    """What is said about a spec, after the file's name; one line, always."""
    with pytest.raises(InputError) as caught:
        read_spec(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text[len(str(path)) :]


def test_a_spec_with_everything(folder: Path) -> None:
    spec = read(
        folder,
        Name="  Nuclei in tissue ",
        Id=GUID,
        LicenseFile="LICENSE.txt",
        TestImageFile="saved/image.tif",
        SpatialDims=[512, 1024],
        Colors=["#0080ff", [255, 0, 10]],
        PixelType=["Bgr24"],
        ColorHandling="SplitRgb",
    )
    assert spec == BuildSpec(
        path=folder / "spec.json",
        name="Nuclei in tissue",
        border_size=8,
        color_handling="SplitRgb",
        pixel_types=("Bgr24",),
        classes=("Background", "Nucleus"),
        model_path=folder / "saved",
        model_id=GUID.lower(),
        colors=((0, 128, 255), (255, 0, 10)),
        license_file=folder / "LICENSE.txt",
        test_image_file=folder / "saved" / "image.tif",
        spatial_dims=(512, 1024),
    )


def test_optional_keys_may_be_missing_or_null(folder: Path) -> None:
    bare = read(folder)
    assert bare == read(folder, **dict.fromkeys(OPTIONAL))
    assert (bare.model_id, bare.colors, bare.license_file, bare.spatial_dims) == (None,) * 4


def test_paths_are_relative_to_the_json_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder, SOUND)
    monkeypatch.chdir(folder / "saved")
    assert read_spec(path).model_path == folder / "saved"
    assert read_spec(Path("..") / "spec.json").model_path.resolve() == folder / "saved"


def test_absolute_paths(folder: Path) -> None:
    assert read(folder, ModelPath=str(folder / "saved")).model_path == folder / "saved"


def test_backslashes_are_separators_where_nothing_has_that_name(folder: Path) -> None:
    assert read(folder, ModelPath="saved\\deep\\").model_path == folder / "saved" / "deep"
    (folder / "saved\\deep").mkdir()
    assert read(folder, ModelPath="saved\\deep").model_path == folder / "saved\\deep"


@pytest.mark.parametrize(
    ("model_path", "name"),
    [
        ("saved", "saved"),
        ("./saved/", "saved"),
        ("saved\\deep\\", "deep"),
        ("saved/deep/..", "saved"),
        ("net.v2.keras", "net.v2"),
    ],
)
def test_the_name_is_the_last_part_of_the_path(folder: Path, model_path: str, name: str) -> None:
    assert read(folder, ModelPath=model_path).name == name


def test_the_name_of_the_folder_itself(folder: Path) -> None:
    assert read(folder, ModelPath=".").name == folder.name


def test_a_byte_order_mark_is_no_matter(folder: Path) -> None:
    text = json.dumps({**SOUND, "Classes": ["Hintergrund", "Zellkern, groß"]}, ensure_ascii=False)
    spec = read_spec(write(folder, b"\xef\xbb\xbf" + text.encode()))
    assert spec.classes[1] == "Zellkern, groß"


PUBLISHED = """{
    "BorderSize": 8,
    "ColorHandling": "ConvertToMonochrome",
    "PixelType": "Gray16",
    "Classes": ["Background", "Nuclei"],
    "ModelPath": "saved",
}
"""


def test_the_published_examples_trailing_comma(folder: Path) -> None:
    said = message(write(folder, PUBLISHED))
    assert said.startswith(", line 6, column 25: there is a comma before the closing '}'")
    assert "remove it" in said


SYNTAX = {
    "single quotes": ("{'BorderSize': 8}", 1, 2, "keys stand in double quotes, not in single"),
    "bare key": ("{\n BorderSize: 8}", 2, 2, "keys stand in double quotes"),
    "comment": ('{\n // tile\n "BorderSize": 8}', 2, 2, "JSON has none"),
    "comma missing": ('{"A": 1\n "B": 2}', 2, 2, "a ',' or '}' is missing before '\"'"),
    "colon missing": ('{"A" 1}', 1, 6, "a ':' is missing after the key 'A'"),
    "value missing": ('{"A": }', 1, 7, "a value is missing before the '}'"),
    "not closed": ('{\n"A": [1, 2\n', 2, 6, "the text ends before the '[' here is closed"),
    "list with trailing comma": ('{"A": [1, 2,]}', 1, 12, "no trailing comma"),
    "text not closed": ('{"A": "b}', 1, 7, "not closed by a double quote"),
    "Windows path": (r'{"A": "C:\models"}', 1, 10, r"in paths write / or \\ instead"),
    "line break in text": ('{"A": "b\nc"}', 1, 9, "control character"),
    "NaN": ('{"A": NaN}', 1, 7, "NaN is no number in JSON"),
    "minus Infinity": ('{"A": -Infinity}', 1, 7, "-Infinity is no number in JSON"),
    "Python": ('{"A": True}', 1, 7, "True is written true in JSON"),
    "None": ('{"A": None}', 1, 7, "None is written null in JSON"),
    "leading zero": ('{"A": 08}', 1, 7, "not written as JSON has it"),
    "bare word": ('{"A": Gray8}', 1, 7, "texts stand in double quotes"),
    "long number": ('{"A": ' + "1" * 5000 + "}", 1, 7, "more than 40 characters"),
    "key twice": ('{"A": 1,\n "A": 2}', 2, 2, "'A' stands here a second time"),
    "key twice, deep": ('{"A": [{"b": 1, "b": 1}]}', 1, 17, "'b' stands here a second time"),
    "something behind": ('{"A": 1} x', 1, 10, "after the end"),
    "deep": ("[" * 5000, 1, 34, "deeper than 32 levels"),
    "nothing in it": ("  {", 1, 4, "the text ends where a key is expected"),
}


@pytest.mark.parametrize("name", SYNTAX)
def test_what_is_no_json(folder: Path, name: str) -> None:
    text, line, column, words = SYNTAX[name]
    said = message(write(folder, text))
    assert said.startswith(f", line {line}, column {column}: ")
    assert words in said


VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "border as text": ({"BorderSize": "8"}, "BorderSize is '8'; give a whole number of pixels"),
    "border as flag": ({"BorderSize": True}, "BorderSize is true; give a whole number"),
    "border negative": ({"BorderSize": -3}, "BorderSize is -3; give a whole number"),
    "border broken": ({"BorderSize": 8.5}, "BorderSize is 8.5; give a whole number"),
    "border huge": ({"BorderSize": 10**12}, "give a whole number of pixels"),
    "border missing": ({"BorderSize": None}, "BorderSize is null; give a whole number"),
    "border list": ({"BorderSize": [8]}, "BorderSize is a list; give a whole number"),
    "handling": (
        {"ColorHandling": "Foo"},
        'ColorHandling is \'Foo\'; give "ConvertToMonochrome" or "SplitRgb"',
    ),
    "handling as list": ({"ColorHandling": ["SplitRgb"]}, "ColorHandling is a list; give"),
    "pixel type": ({"PixelType": "Rgb24"}, "PixelType is 'Rgb24'; give one of Gray8, Gray16"),
    "complex": (
        {"PixelType": "Gray64ComplexFloat"},
        "no network takes complex pixels; give one of Gray8",
    ),
    "two pixel types": ({"PixelType": ["Gray8", "Gray8"]}, "Model 3.0.0 has exactly one"),
    "no pixel type": ({"PixelType": []}, "lists 0 types"),
    "number as pixel type": ({"PixelType": [8]}, "PixelType is 8; give one of"),
    "classes as text": (
        {"Classes": "Nucleus"},
        'Classes is \'Nucleus\'; give a list of names, such as ["Background", "Nucleus"]',
    ),
    "no classes": ({"Classes": []}, "Classes has 0 names; give one for each output channel"),
    "class as number": ({"Classes": ["a", 2]}, "Classes, item 2, is 2; give a name as a text"),
    "class empty": ({"Classes": ["a", " "]}, "Classes, item 2, is empty; give a name"),
    "class twice": ({"Classes": ["a", "b", "a"]}, "the name 'a' twice"),
    "control character": ({"Classes": ["a", "b\x1b[0m"]}, "holds the character U+001B"),
    "lone surrogate": ({"Name": "a\ud800"}, "Name holds the character U+D800"),
    "name empty": ({"Name": ""}, "Name is empty; give a name"),
    "id": ({"Id": "17"}, "Id is '17'; give a GUID such as"),
    "dims as number": ({"SpatialDims": 512}, "must be [height, width] in pixels"),
    "three dims": ({"SpatialDims": [512, 512, 1]}, "must be [height, width] in pixels"),
    "dims of zero": ({"SpatialDims": [0, 512]}, "must be [height, width] in pixels"),
    "dims as texts": ({"SpatialDims": ["512", "512"]}, "must be [height, width] in pixels"),
    "colours as text": ({"Colors": "#ff0000"}, "Colors is '#ff0000'; give a list"),
    "colour by name": ({"Colors": ["red", "#00ff00"]}, "Colors holds 'red'; give each colour as"),
    "colour too bright": ({"Colors": [[256, 0, 0], "#000000"]}, "Colors holds a list; give each"),
    "path as list": ({"ModelPath": ["saved"]}, "ModelPath is a list; give a path as a text"),
    "path empty": ({"ModelPath": ""}, "ModelPath is empty; give a path"),
    "NUL in path": ({"ModelPath": "saved\x00"}, "holds the character U+0000"),
    "operation as text": (
        {"Preprocessing": "RgbToBgr"},
        "Preprocessing is 'RgbToBgr'; give a list of operations, such as [\"RgbToBgr\"]",
    ),
    "unknown operation": (
        {"Preprocessing": ["RgbToBgr", "Rgb2Bgr"]},
        "Preprocessing, item 2, is 'Rgb2Bgr'; did you mean 'RgbToBgr'? There are ",
    ),
    "operation on the other side": (
        {"Preprocessing": ["Softmax"]},
        "is 'Softmax'; that one stands behind a network; give one of RgbToBgr",
    ),
    "operation as number": ({"Postprocessing": [1]}, "Postprocessing, item 1, is 1; give one of"),
    "operation without name": ({"Postprocessing": [{}]}, "item 1, has no Name; give one of Softm"),
    "parameter of another": (
        {"Postprocessing": [{"Name": "Softmax", "Axis": 1}]},
        "Softmax has no parameter 'Axis'; it has none",
    ),
    "parameter missing": (
        {"Preprocessing": [{"Name": "Normalization", "Mean": 1}]},
        "Normalization lacks Std; give a number or one for each channel",
    ),
    "no parameter at all": (
        {"Preprocessing": ["Scale"]},
        "Scale lacks Factor; give a number above",
    ),
    "std of zero": (
        {"Preprocessing": [{"Name": "Normalization", "Mean": 1, "Std": [1, 0]}]},
        "Std is a list; give a number from 1e-30 to 1e+30, or a list of one for each channel",
    ),
    "mean too large": (
        {"Preprocessing": [{"Name": "Normalization", "Mean": 1e31, "Std": 1}]},
        "Mean is 1e+31; give a number from -1e+30 to 1e+30",
    ),
    "mean as flag": (
        {"Preprocessing": [{"Name": "Normalization", "Mean": True, "Std": 1}]},
        "Mean",
    ),
    "five channels": (
        {"Preprocessing": [{"Name": "Normalization", "Mean": [1] * 5, "Std": 1}]},
        "Mean is a list; give a number",
    ),
    "factor as word": (
        {"Preprocessing": [{"Name": "Scale", "Factor": "min"}]},
        "Factor is 'min'; give a number above 0, 1e-30 to 1e+30, or \"max\"",
    ),
    "too many operations": ({"Postprocessing": ["Softmax"] * 17}, "has 17 operations; at most 16"),
    "wrong case": (
        {"borderSize": 8},
        "the key 'borderSize' is unknown; did you mean 'BorderSize'?",
    ),
    "unknown key": ({"Foo": 1}, "the key 'Foo' is unknown; known are BorderSize, "),
    "czann": ({"ModelMetadata": {}}, "belongs to the specification of a .czann file"),
}
# What the other side of the fence cannot know: files, and the length of another list.
BEYOND_SCHEMA: dict[str, tuple[dict[str, Any], str]] = {
    "no such model": ({"ModelPath": "nowhere"}, "ModelPath names 'nowhere', which does not exist"),
    "no such licence": ({"LicenseFile": "none"}, "LicenseFile names 'none', which is no file"),
    "licence is a folder": (
        {"LicenseFile": "saved"},
        "LicenseFile names 'saved', which is no file",
    ),
    "no such image": ({"TestImageFile": "a.tif"}, "TestImageFile names 'a.tif', which is no file"),
    "name too long": ({"LicenseFile": "a" * 5000}, "which is no file"),
    "a colour too few": ({"Colors": ["#ff0000"]}, "Colors has 1 colour(s) for 2 class(es)"),
}


@pytest.mark.parametrize("name", [*VALUES, *BEYOND_SCHEMA])
def test_wrong_values(folder: Path, name: str) -> None:
    changes, words = {**VALUES, **BEYOND_SCHEMA}[name]
    # ASCII, since a lone surrogate has no UTF-8.
    said = message(write(folder, json.dumps({**SOUND, **changes})))
    assert said.startswith(", line 1, column ")
    assert words in said
    assert "more)" not in said


def test_the_place_is_that_of_the_value(folder: Path) -> None:
    text = json.dumps({**SOUND, "Classes": ["ä", 2]}, indent=2, ensure_ascii=False)
    line = next(i for i, each in enumerate(text.splitlines(), start=1) if each.strip() == "2")
    assert message(write(folder, text)).startswith(f", line {line}, column 5: Classes, item 2,")


def test_missing_keys_are_named_together(folder: Path) -> None:
    said = message(write(folder, "\n{}"))
    assert said.startswith(
        f", line 2, column 1: the required keys {', '.join(REQUIRED)} are missing"
    )
    one = message(write(folder, {key: SOUND[key] for key in SOUND if key != "Classes"}))
    assert ": the required key Classes is missing;" in one


def test_the_first_fault_tells_how_many_more_there_are(folder: Path) -> None:
    said = message(write(folder, {**SOUND, "BorderSize": "8", "Classes": "a", "Foo": 1}))
    assert "BorderSize is '8'" in said
    assert said.endswith("(and 2 more)")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00", "line 1: is no UTF-8 text; save it as UTF-8"),
        (b'{\n"Classes": ["\xe4"]}', "line 2: is no UTF-8 text"),
        ('{"A": 1}'.encode("utf-16"), "is encoded in UTF-16; save it as UTF-8"),
        (b"[]", "the file holds a list; a specification is an object"),
        (b'"text"', "the file holds 'text'; a specification is an object"),
    ],
)
def test_files_that_are_no_specification(folder: Path, content: bytes, words: str) -> None:
    assert words in message(write(folder, content))


def test_a_file_over_the_limit(folder: Path) -> None:
    path = write(folder, SOUND)
    with pytest.raises(InputError, match="is larger than the limit of 20 bytes"):
        read_spec(path, Limits(spec_bytes=20))


def test_paths_that_are_no_file_are_usage_errors(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_spec(folder / "none.json")
    with pytest.raises(UsageError, match="is a folder"):
        read_spec(folder)


GOOD: dict[str, dict[str, Any]] = {
    "bare": {},
    "border as float": {"BorderSize": 8.0},
    "border zero": {"BorderSize": 0},
    "pixel type in list": {"PixelType": ["Bgra32"]},
    "one class": {"Classes": ["a"]},
    "non-ASCII": {"Classes": ["\u0394", "\U0001f52c"], "Name": "Zellen, große"},
    "all optional keys": {
        "Name": "n",
        "Id": GUID,
        "LicenseFile": "LICENSE.txt",
        "TestImageFile": "saved/image.tif",
        "SpatialDims": [1, 2],
        "Colors": ["#ABCDEF", [0, 0, 0]],
        "Preprocessing": ["RgbToBgr", {"Name": "Scale", "Factor": "max"}],
        "Postprocessing": [{"Name": "Softmax"}],
    },
    "parameters": {
        "Preprocessing": [
            {"Name": "Normalization", "Mean": [0.5, 1, -2], "Std": 2},
            {"Name": "Scale", "Factor": 0.5},
        ]
    },
    "no operations": {"Preprocessing": [], "Postprocessing": []},
    "nulls": dict.fromkeys(OPTIONAL),
}


def accepted(folder: Path, spec: dict[str, Any]) -> bool:
    try:
        read_spec(write(folder, json.dumps(spec)))
    except InputError:
        return False
    return True


def test_the_json_schema_gives_the_same_verdict(folder: Path) -> None:
    schema = json.loads(files("czcheck.schemas").joinpath("spec.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    table = {**GOOD, **{name: changes for name, (changes, _) in VALUES.items()}}
    # A lone surrogate is no matter of a pattern.
    del table["lone surrogate"]
    for name, changes in table.items():
        spec = {**SOUND, **changes}
        assert validator.is_valid(spec) == accepted(folder, spec) == (name in GOOD), name
    for missing in REQUIRED:
        spec = {key: value for key, value in SOUND.items() if key != missing}
        assert not validator.is_valid(spec)
    for changes, _ in BEYOND_SCHEMA.values():
        assert validator.is_valid({**SOUND, **changes})


def test_the_json_schema_knows_the_keys() -> None:
    schema = json.loads(files("czcheck.schemas").joinpath("spec.schema.json").read_text("utf-8"))
    assert tuple(schema["required"]) == REQUIRED
    assert tuple(schema["properties"]) == (*REQUIRED, *OPTIONAL)
    assert all(each["description"] for each in schema["properties"].values())


def plain(value: JsonValue) -> Any:
    content = value.value
    if isinstance(content, dict):
        return {key: plain(member.value) for key, member in content.items()}
    return [plain(item) for item in content] if isinstance(content, list) else content


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_the_parser_reads_what_json_is(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert plain(parse_json(text)) == value


@given(st.text(st.sampled_from('{}[]",:\\/ \n-+.0e1tfnulxé'), max_size=30))
def test_the_parser_is_as_strict_as_the_standard_library(text: str) -> None:
    repeated: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated.extend(key for key in keys if keys.count(key) > 1)
        return dict(pairs)

    try:
        expected = json.loads(text, object_pairs_hook=once)
    except ValueError:
        with pytest.raises(JsonError):
            parse_json(text)
        return
    if repeated:
        with pytest.raises(JsonError, match="a second time"):
            parse_json(text)
    else:
        assert plain(parse_json(text)) == expected
