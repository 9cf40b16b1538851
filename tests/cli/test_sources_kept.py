"""Nothing that a command writes takes the place of what it reads: every output onto every input."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest
from PIL import Image

import czcheck
from czcheck.building import write_start
from czcheck.cli import cli
from czcheck.errors import UsageError
from czcheck.pytest_plugin import assert_verified
from fixtures.make import BAD

if TYPE_CHECKING:
    from calls import Call

# Every option and argument that takes a text or a path is in one of the three: a new one that
# writes is tried on everything that its command reads, from the day on which it is listed here.
WRITES = {
    "output", "reports", "html", "picture", "table", "pictures", "evidence", "cache_dir",
    "probabilities", "confidence_map", "overlay", "objects",
}  # fmt: skip
READS = {
    "path", "paths", "model", "images", "masks", "before", "after", "spec", "tiles", "runtime",
    "baseline", "config", "custom_objects",
}  # fmt: skip
NEITHER = {
    "target", "select", "ignore", "allow_op", "profile", "dask", "scene", "channel", "time", "z",
    "tile", "class_name", "classes", "min_iou", "min_dice", "form", "preprocess", "postprocess",
    "codes", "name",
}  # fmt: skip
ADDS = {"evidence", "pictures", "cache_dir"}
"""Outputs that are folders."""
ENDINGS = {"overlay": ".png", "objects": ".csv"}

NETWORK = ("sm/saved_model.pb", "sm/variables/variables.index")
SPECIFIED = ("spec.json", "LICENSE.txt", "field.png", *NETWORK)
CONFIGURATION = ("czcheck.toml", "pyproject.toml")
NAMED = ("named.toml", "golden.npz", "venv/bin/python", "venv/pyvenv.cfg", "tiles/field.png")
STORE = ("store.zarr/.zgroup", "store.zarr/0/0.0")
SET = ("set/a.ome.tif", "set/b.ome.tif")
# How each command is called, and all that it reads then.
CALLS: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "verify": [
        (("m.czmodel",), ("m.czmodel", *CONFIGURATION)),
        (("more",), ("more/n.czmodel",)),
        (("spec.json", "faulty.json"), (*SPECIFIED, "faulty.json", "other.keras")),
        (("keras.json",), ("keras.json", "victim.keras")),
        (
            ("m.czmodel", "--tiles", "tiles", "--tiles", "store.zarr", "--tiles", SET[0],
             "--baseline", "golden.npz", "--runtime", "venv/bin/python", "--config", "named.toml",
             "--dask", "tcp://127.0.0.1:1"),
            ("m.czmodel", *NAMED, *STORE, *SET),
        ),
        (("m.czmodel", "--config", "named.toml"), ("configured.png",)),
    ],
    "diff": [
        (("m.czmodel", "spec.json"), ("m.czmodel", *SPECIFIED, *CONFIGURATION)),
        (
            ("keras.json", "m.czmodel", "--tiles", "tiles/field.png", "--config", "named.toml"),
            ("keras.json", "victim.keras", "tiles/field.png", "named.toml"),
        ),
    ],
    "evaluate": [
        (
            ("m.czmodel", "images", "masks"),
            ("m.czmodel", "images/field.png", "masks/field.png", *CONFIGURATION),
        ),
        (
            ("m.czmodel", "field.png", "store.zarr", "--config", "named.toml"),
            ("m.czmodel", "field.png", *STORE, "named.toml"),
        ),
    ],
    "segment": [
        (("m.czmodel", "field.png"), ("m.czmodel", "field.png")),
        (("m.czmodel", "store.zarr"), ("m.czmodel", *STORE)),
        (("m.czmodel", SET[0]), SET),
    ],
    "build": [
        (("spec.json",), SPECIFIED),
        (("keras.json", "--custom-objects", "custom.py"), ("keras.json", "victim.keras",
                                                             "custom.py")),
        (("keras.json", "--custom-objects", "package.part"), ("package/part.py",)),
        (("spec.json", "--runtime", "venv/bin/python"), ("venv/bin/python", "venv/pyvenv.cfg")),
    ],
    "repair": [(("m.czmodel",), ("m.czmodel",))],
    "init": [
        (("m.czmodel", "--force"), ("m.czmodel",)),
        (("sm", "--force"), NETWORK),
        (("victim.keras", "--force"), ("victim.keras",)),
        (("spec.json", "--force"), SPECIFIED),
    ],
    "baseline": [(("m.czmodel",), ("m.czmodel",)), (("spec.json",), SPECIFIED)],
}  # fmt: skip
OUTPUTS = [
    (name, parameter)
    for name in cli.list_commands(None)  # type: ignore[arg-type]
    for parameter in cli.get_command(None, name).params  # type: ignore[arg-type,union-attr]
    if parameter.name in WRITES
]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one of everything that commands read. Nothing of it is ever run."""
    place = tmp_path / "work"
    for folder in ("images", "masks", "tiles", "set", "more", "package", "venv/bin"):
        (place / folder).mkdir(parents=True)
    shutil.copy(BAD.parent / "models" / "nuclei.czmodel", place / "m.czmodel")
    shutil.copy(place / "m.czmodel", place / "more" / "n.czmodel")
    monkeypatch.chdir(place)
    write_start("m.czmodel", "start.json")
    (place / "start_saved_model").rename(place / "sm")
    for name in ("victim.keras", "other.keras", "LICENSE.txt", "custom.py", "golden.npz"):
        (place / name).write_bytes(name.encode())
    (place / "package" / "part.py").write_bytes(b"")
    spec = json.loads((place / "start.json").read_text())
    (place / "start.json").unlink()
    specs: dict[str, dict[str, Any]] = {
        "spec.json": {
            "ModelPath": "sm",
            "LicenseFile": "LICENSE.txt",
            "TestImageFile": "field.png",
        },
        "keras.json": {"ModelPath": "victim.keras"},
        "faulty.json": {"ModelPath": "other.keras", "BorderSize": -1},
    }
    for name, keys in specs.items():
        (place / name).write_text(json.dumps({**spec, **keys}))
    for name in ("field.png", "images/field.png", "masks/field.png", "tiles/field.png",
                 "configured.png"):  # fmt: skip
        Image.fromarray(np.ones((8, 8), np.uint8)).save(place / name)
    write_set(place / "set")
    (place / "store.zarr" / "0").mkdir(parents=True)
    (place / "store.zarr" / ".zgroup").write_text('{"zarr_format": 2}')
    (place / "store.zarr" / "0" / "0.0").write_bytes(b"chunk")
    (place / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (place / "venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    (place / "venv" / "bin" / "python").chmod(0o755)
    (place / "czcheck.toml").write_text('fail-on = "warning"\n')
    (place / "pyproject.toml").write_text("[tool.other]\n")
    (place / "named.toml").write_text('tiles = ["configured.png"]\n')
    return place


def write_set(folder: Path) -> None:
    """An OME-TIFF of two files, each with one of two sections."""
    import tifffile

    planes = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}.ome.tif">'
        f"urn:uuid:{name}</UUID></TiffData>"
        for z, name in enumerate("ab")
    )
    for name in "ab":
        text = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{name}"><Image ID="Image:0"><Pixels ID="Pixels:0" Type="uint8" '
            'DimensionOrder="XYZCT" SizeX="8" SizeY="8" SizeZ="2" SizeC="1" SizeT="1">'
            f"{planes}</Pixels></Image></OME>"
        )
        pixels = np.ones((8, 8), np.uint8)
        tifffile.imwrite(
            folder / f"{name}.ome.tif", pixels, description=text, metadata=None, ome=False
        )


def contents(folder: Path) -> dict[Path, bytes | str | None]:
    """Everything below a folder: names, bytes of files, where links lead."""
    return {
        path: str(path.readlink())
        if path.is_symlink()
        else (path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


def test_every_parameter_that_may_be_a_path_is_known() -> None:
    """A new option has to be listed, and one that writes is tried in the table below."""
    for name in cli.list_commands(None):  # type: ignore[arg-type]
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        for parameter in command.params:
            if not isinstance(parameter.type, click.types.StringParamType | click.Path):
                continue
            where = [parameter.name in each for each in (WRITES, READS, NEITHER)]
            assert sum(where) == 1, f"{name}: list {parameter.name} above"
        if not any(parameter.name in WRITES for parameter in command.params):
            continue
        tried = {part for args, _ in CALLS[name] for part in args}
        for parameter in command.params:
            if parameter.name in READS and isinstance(parameter, click.Option):
                assert tried & set(parameter.opts), f"{name}: call it with {parameter.opts[-1]}"


def onto(work: Path, name: str, read: str) -> Iterator[str]:
    """Names for an output that is what is read, or lies in what is read whole."""
    target = work / read
    if name in ADDS:
        yield read
        if read.startswith(("sm/", "store.zarr/")):
            yield str(Path(read).parent / "new")
        return
    ending = ENDINGS.get(name, "".join(target.suffixes) if target.suffix == ".tif" else ".png")
    (work / f"symbolic{ending}").symlink_to(target)
    os.link(target, work / f"hard{ending}")
    (work / "folder").symlink_to(target.parent)
    yield f"symbolic{ending}"
    yield f"hard{ending}"
    if target.name.endswith(ending) or name not in {*ENDINGS, "probabilities", "confidence_map"}:
        yield from (read, str(target), f"images/../{read}", f"folder/{target.name}")
    if read.startswith(("sm/", "store.zarr/", "venv/py")):
        yield from (str(Path(read).parent / f"new{ending}"), f"folder/new{ending}")


@pytest.mark.parametrize(
    ("command", "option"), OUTPUTS, ids=[f"{name} {each.name}" for name, each in OUTPUTS]
)
def test_every_output_onto_every_input(
    czcheck: Call, work: Path, command: str, option: click.Option
) -> None:
    tried = 0
    for args, inputs in CALLS[command]:
        for read in inputs:
            for place in onto(work, str(option.name), read):
                before = contents(work)
                given = f"json={place}" if option.name == "reports" else place
                done = czcheck(command, *args, option.opts[-1], given)
                said = f"czcheck {command} {' '.join(args)} {option.opts[-1]} {given}: {done}"
                assert done.code == 2, said
                assert done.out == "", said
                assert done.err.count("\n") == 1, said
                assert done.err.startswith(f"czcheck: {max(option.opts, key=len)} {given}: "), said
                assert "read" in done.err, said
                assert "; name another" in done.err or "; name a place" in done.err, said
                assert contents(work) == before, said
                tried += 1
            for link in ("symbolic*", "hard*", "folder"):
                for each in work.glob(link):
                    each.unlink()
    assert tried >= len(CALLS[command])


PAIRS = [
    (name, first, second)
    for name in CALLS
    for number, (of, first) in enumerate(OUTPUTS)
    for of_second, second in OUTPUTS[number if first.multiple else number + 1 :]
    if of == of_second == name and not {first.name, second.name} <= ADDS
]


@pytest.mark.parametrize(
    ("command", "first", "second"),
    PAIRS,
    ids=[f"{name} {first.name} {second.name}" for name, first, second in PAIRS],
)
def test_two_outputs_in_one_place(
    czcheck: Call, work: Path, command: str, first: click.Option, second: click.Option
) -> None:
    endings = [ENDINGS.get(str(each.name), ".ome.tif") for each in (first, second)]
    if set(endings) == {".png", ".csv"}:
        return  # no place has both endings
    place = f"new{min(endings, key=len)}"
    (work / "also").symlink_to(work)
    before = contents(work)
    args: list[str] = []
    for option, where, form in ((first, place, "json"), (second, f"also/{place}", "html")):
        args += [option.opts[-1], f"{form}={where}" if option.name == "reports" else where]
    done = czcheck(command, *CALLS[command][0][0], *args)
    assert (done.code, done.out) == (2, ""), done
    assert "names the same place as --" in done.err
    assert contents(work) == before


def test_a_report_beside_what_is_read_is_written(czcheck: Call, work: Path) -> None:
    for _ in range(2):  # what an earlier run wrote is replaced
        args = ("verify", "m.czmodel", "--level", "network", "--tiles", "tiles")
        done = czcheck(*args, "--report", "json=tiles/report.json")
        assert done.code == 0
    assert (work / "tiles/report.json").stat().st_size > 0


def test_the_archive_that_a_build_names_by_itself(czcheck: Call, work: Path) -> None:
    spec = json.loads((work / "spec.json").read_text())
    (work / "LICENSE.txt").rename(work / "Cells.czmodel")
    text = json.dumps({**spec, "Name": "Cells", "LicenseFile": "Cells.czmodel"})
    (work / "spec.json").write_text(text)
    before = contents(work)
    done = czcheck("build", "spec.json")
    assert done.code == 2
    assert "--output Cells.czmodel: would replace " in done.err
    assert "`LicenseFile` of the specification" in done.err
    assert contents(work) == before


def test_the_step_summary_is_no_input(
    czcheck: Call, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(work / "spec.json"))
    before = contents(work)
    done = czcheck("verify", "spec.json", "--report", "markdown=auto")
    assert done.code == 2
    assert "--report markdown=auto: would replace" in done.err
    assert contents(work) == before


def python_calls(place: str) -> dict[str, Callable[[], object]]:
    """Every function of the Python interface that writes, onto a place."""
    path = Path(place)
    return {
        "verify evidence": lambda: czcheck.verify(["m.czmodel", "spec.json"], evidence=place),
        "verify cache_dir": lambda: czcheck.verify(["m.czmodel", "spec.json"], cache_dir=place),
        "assert_verified": lambda: assert_verified("spec.json", evidence=place),
        "build": lambda: czcheck.build("spec.json", place),
        "repair": lambda: czcheck.repair("m.czmodel", place),
        "segment": lambda: czcheck.segment("m.czmodel", "field.png", place),
        "segment objects": lambda: czcheck.segment("m.czmodel", "field.png", objects=place),
        "write_baseline": lambda: czcheck.write_baseline("m.czmodel", place),
        "write_start": lambda: write_start("m.czmodel", place, force=True),
        "convert_from_json_spec": lambda: czcheck.convert_from_json_spec(
            "spec.json", path.parent, path.name
        ),
        "convert_from_model_spec": lambda: czcheck.convert_from_model_spec(
            czcheck.ModelSpec.from_json("spec.json"), path.parent, path.name
        ),
    }


@pytest.mark.parametrize("name", python_calls("m.czmodel"))
def test_every_function_that_writes(work: Path, name: str) -> None:
    os.link("m.czmodel", "model.csv")
    os.link("LICENSE.txt", "licence.czmodel")
    for read in {
        "build": ("spec.json", "sm/saved_model.pb", "LICENSE.txt", "sm/new"),
        "segment": ("field.png", "m.czmodel"),
        "segment objects": ("model.csv",),
        "convert_from_json_spec": ("licence.czmodel", "sm/new", "sm/folder/new"),
        "convert_from_model_spec": ("licence.czmodel", "sm/new", "sm/folder/new"),
        "verify evidence": ("m.czmodel", "sm/folder", "spec.json"),
        "verify cache_dir": ("m.czmodel", "sm/folder", "spec.json"),
        "assert_verified": ("spec.json", "sm"),
    }.get(name, ("m.czmodel",)):
        before = contents(work)
        with pytest.raises(UsageError, match=r"read.*; name (another|a place)"):
            python_calls(read)[name]()
        assert contents(work) == before
