"""What a configuration may hold, and how it is told what it may not."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from czcheck.configuration import lines_of_keys, read_configuration, says_something
from czcheck.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SCHEMA = json.loads(files("czcheck.schemas").joinpath("config.schema.json").read_text("utf-8"))

GOOD = {
    "nothing": "",
    "all keys": """
        profile = "strict"
        level = "run"
        target = "any"
        fail-on = "warning"
        select = ["CZ2", "CZ416"]
        ignore = ["CZ419", { code = "CZ420", reason = "gray images" }, { code = "CZ4" }]
        allow-op = ["PrintV2"]
        tiles = ["images", "more/cells.png"]
        thorough = true
        runtime = "py37/bin/python"
        baseline = "golden.npz"
        max-load-seconds = 20
        max-tile-seconds = 2.5
        max-memory = 4
        timeout = 60
        memory = 6
        jobs = 4
        require-sandbox = true

        [severity]
        CZ416 = "warning"
        CZ4 = "note"

        [tolerances]
        range = 0
        sum = 0.01
        sum-noted = 1e-4
        repeat = 1e-4
        batch = 1e-3
        batch-limit = 1e-2
        label-agreement = 0.99
        seam = 0.02
        faint = 0.002
        border-spare = 16
        border-waste = 0.2
        runtime-scaled = 1e-5
        runtime-raw = 1e-3
        baseline-change = 0.01
        baseline-agreement = 0.999
        baseline-dice = 0.98

        [profiles.strict]
        extends = "release"
        fail-on = "note"
        severity = { CZ419 = "error" }

        [[overrides]]
        files = "legacy/*.czmodel"
        level = "network"
        tolerances = { seam = 0.1 }

        [[waivers]]
        code = "CZ416"
        reason = "images are evenly bright"
        path = "legacy/"
        expires = 2027-01-31
    """,
}

# What is wrong, and what is said of it.
BAD = [
    ('fail_on = "error"', ["line 1", "`fail-on`", "did you mean"]),
    ('levle = "run"', ["line 1", "`levle` is unknown", "did you mean `level`?"]),
    ('\n\nlevel = "deep"', ["line 3", "`level`", "'deep'", "archive, metadata, network, run"]),
    ("level = 3", ["`level`", "not a whole number"]),
    ('fail-on = "warn"', ["`fail-on`", "did you mean `warning`?"]),
    ('target = "tf-1"', ["`target`", "tf-2.0.0, any"]),
    ('select = "CZ2"', ["`select`", "takes a list"]),
    ('select = ["CZ999"]', ["`select`", "no rule begins with 'CZ999'"]),
    ('ignore = [{ reason = "x" }]', ["`ignore`", "without `code`"]),
    ('ignore = [{ code = "CZ4", why = "x" }]', ["unknown key `why`"]),
    ('ignore = [{ code = "CZ4", reason = "" }]', ["`ignore`", "empty"]),
    ('allow-op = ["not an operation"]', ["`allow-op`", "no operation"]),
    ("tiles = [1]", ["`tiles`", "takes a text"]),
    ('thorough = "yes"', ["`thorough`", "true or false"]),
    ("jobs = 0", ["`jobs`", "from 1"]),
    ("jobs = 1.5", ["`jobs`", "whole number"]),
    ("max-memory = 0", ["`max-memory`", "above 0"]),
    ("max-memory = true", ["`max-memory`", "not a boolean"]),
    ("timeout = inf", ["`timeout`", "finite"]),
    ("timeout = nan", ["`timeout`", "above 0"]),
    ("[tolerances]\nsums = 1", ["line 2", "`tolerances.sums`", "did you mean `sum`?"]),
    ("[tolerances]\nsum = -1", ["line 2", "`tolerances.sum`", "from 0"]),
    ("[tolerances]\nlabel-agreement = 2", ["line 2", "up to 1"]),
    ("tolerances = 1", ["`tolerances` takes a table"]),
    ('[severity]\nCZ999 = "note"', ["line 2", "`severity.CZ999`", "no rule"]),
    ('[severity]\nCZ416 = "off"', ["line 2", "`severity.CZ416`", "error, warning, note"]),
    ('[profiles.release]\nlevel = "run"', ["line 1", "comes with czcheck", "extends"]),
    ('[profiles.a]\nlevels = "run"', ["line 2", "`profiles.a.levels`", "`level`"]),
    ('[profiles.a]\n[[profiles.a.waivers]]\ncode = "CZ4"', ["`profiles.a.waivers` is unknown"]),
    ('[[overrides]]\nlevel = "run"', ["line 1", "`overrides[0]`", "`files`"]),
    ('[[overrides]]\nfiles = "a"\njobs = 2', ["line 3", "`overrides[0].jobs`", "whole call"]),
    ('[[overrides]]\nfiles = "!a"', ["line 2", "neither ! nor #"]),
    ('[overrides]\nfiles = "a"', ["`overrides`", "[[overrides]]"]),
    ('[[waivers]]\ncode = "CZ416"', ["line 1", "`waivers[0]`", "`reason`"]),
    ('[[waivers]]\nreason = "x"', ["`waivers[0]`", "`code`"]),
    ('[[waivers]]\ncode = "CZ416"\nreason = " "', ["line 3", "`waivers[0].reason`", "empty"]),
    (
        '[[waivers]]\ncode = "CZ416"\nreason = "x"\nexpires = "2027-01-31"',
        ["line 4", "`waivers[0].expires`", "without quotes"],
    ),
    (
        '[[waivers]]\ncode = "CZ416"\nreason = "x"\n\n[[waivers]]\ncode = "CZ417"\nreson = "x"',
        ["line 7", "`waivers[1].reson`", "did you mean `reason`?"],
    ),
    ('[[waivers]]\ncode = "CZ999"\nreason = "x"', ["line 2", "no rule begins"]),
    ("[tool.czcheck]\njobs = 1", ["top level"]),
]


def read(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    read_configuration(path, named=True)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_what_is_good_is_read_and_fits_the_schema(tmp_path: Path, text: str) -> None:
    read(tmp_path / "czcheck.toml", text)
    jsonschema.Draft202012Validator(SCHEMA).validate(_as_json(text))


@pytest.mark.parametrize(("text", "said"), BAD, ids=[text.splitlines()[-1] for text, _ in BAD])
def test_what_is_wrong_is_refused_with_its_place(
    tmp_path: Path, text: str, said: list[str]
) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path / "czcheck.toml", text)
    message = str(refused.value)
    assert message.startswith(str(tmp_path / "czcheck.toml"))
    for part in said:
        assert part in message


# What a schema cannot know: JSON has neither dates nor infinities, and codes are in the catalogue.
BEYOND_THE_SCHEMA = ("2027-01-31", "inf", "nan", "CZ999", "tool.czcheck")


@pytest.mark.parametrize(
    "text", [text for text, _ in BAD if not any(part in text for part in BEYOND_THE_SCHEMA)]
)
def test_the_schema_refuses_it_as_well(text: str) -> None:
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(_as_json(text))


def test_the_schema_knows_every_key() -> None:
    from czcheck.configuration.keys import keys

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    settings = SCHEMA["$defs"]["settings"]["properties"]
    single = {key for key in keys() if "." not in key}
    assert settings.keys() == {*single, "severity", "tolerances"}
    tolerances = SCHEMA["$defs"]["tolerances"]["properties"]
    assert {f"tolerances.{name}" for name in tolerances} == keys().keys() - single
    for name, key in keys().items():
        if isinstance(key.default, (bool, int, float, str)) and "." in name:
            described = tolerances[name.partition(".")[2]]
            assert described["default"] == key.default


def test_the_page_names_every_key() -> None:
    from czcheck.configuration.keys import keys

    page = Path(__file__).parents[2].joinpath("docs", "configuration.md").read_text("utf-8")
    for key in keys():
        assert f"`{key.rpartition('.')[2]}`" in page, key


def _as_json(text: str) -> object:
    return json.loads(json.dumps(tomllib.loads(text), default=str))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"level = x\n", "line 1"),
        (b"jobs = 1" + b"0" * 5000, "too many digits"),
        (b"jobs = 0x1" + b"0" * 5000, "line 1: `jobs` takes a whole number from 1 to 1024"),
        (b"memory = 1" + b"0" * 400, "line 1: `memory` takes a finite number"),
        (b"memory = 1e999", "line 1: `memory` takes a finite number"),
        (b'baseline = "\\u0000"', "line 1: `baseline` takes a text without"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a = " + b"[" * 100_000, ""),
        (b"#" * (2 << 20), "larger than 1 MiB"),
    ],
)
def test_files_that_are_no_toml(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "czcheck.toml"
    path.write_bytes(data)
    with pytest.raises(UsageError) as refused:
        read_configuration(path, named=True)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_pyproject_holds_it_under_its_tool(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "x"\n\n[tool.czcheck]\nlevel = "network"\n')
    found = read_configuration(path, named=True)
    assert found is not None
    assert found.settings["level"].origin.line == 5
    path.write_text('[project]\nname = "x"\n')
    assert read_configuration(path, named=False) is None
    with pytest.raises(UsageError, match=r"no table \[tool.czcheck\]"):
        read_configuration(path, named=True)
    path.write_text("[tool.czcheck.waiver]\n")
    with pytest.raises(UsageError, match=r"line 1: `waiver` is unknown; did you mean `waivers`\?"):
        read_configuration(path, named=True)


@pytest.mark.parametrize(
    "text",
    [
        "[tool.czcheck]\nlevel = 'network'\n",
        "[tool]\nczcheck = { level = 'network' }\n",
        "tool = { czcheck = { level = 'network' } }\n",
        "tool.czcheck.level = 'network'\n",
        "[tool]\nczcheck.level = 'network'\n",
        "[ 'tool' . \"czcheck\" ]  # ours\nlevel = 'network'\n",
        "[[tool.czcheck.waivers]]\ncode = 'CZ416'\nreason = 'x'\n",
        "[tool.czcheck.severity]\nCZ416 = 'error'\n",
    ],
)
def test_however_it_is_written_it_is_found(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    assert says_something(path)
    path.write_text("[project]\nname = 'czcheck'\n[tool.other]\nczcheck = 'czcheck:main'\n")
    assert not says_something(path)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "czcheck.toml"
    path.write_text('tiles = ["a"]\nbaseline = "b.npz"\nruntime = "bin/python"\n')
    found = read_configuration(path, named=True)
    assert found is not None
    values = {name: said.value for name, said in found.settings.items()}
    assert values["tiles"] == (tmp_path / "a",)
    assert values["baseline"] == tmp_path / "b.npz"
    assert values["runtime"] == str(tmp_path / "bin" / "python")
    path.write_text('runtime = "python3.7"\n')
    found = read_configuration(path, named=True)
    assert found is not None
    assert found.settings["runtime"].value == "python3.7", "looked for on PATH"


def test_lines_of_keys() -> None:
    text = """a = 1
[tool.czcheck]   # here
"fail-on" = "error"
x.y = [
  1,
]
[[tool.czcheck.waivers]]
code = "a"
[[tool.czcheck.waivers]]
code = "b"
[tool.czcheck.profiles."n m"]
level = "run"
"""
    lines = lines_of_keys(text)

    def line(*parts: str | int) -> int:
        place = ("tool", "czcheck", *parts)
        return lines[place]

    assert lines[("a",)] == 1
    assert line() == 2
    assert line("fail-on") == 3
    assert line("x", "y") == 4
    assert line("waivers", 0, "code") == 8
    assert line("waivers", 1) == 9
    assert line("waivers", 1, "code") == 10
    assert line("profiles", "n m", "level") == 12
