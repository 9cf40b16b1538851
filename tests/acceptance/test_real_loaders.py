"""What TensorFlow's loaders make of files that they see differently, in 2.21 and in 2.0.0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from children import run_script

from czcheck import CzModel
from czcheck.network import OBJECTS, SESSION, disagreements, load_target, oddities
from fixtures.described import described
from fixtures.make import BAD

HERE = Path(__file__).parent
SOUND = "sound"
# Refused by Keras's loader alone, which needs a whole Keras model to get so far; and by what only
# TensorFlow 2.0.0 does.
KERAS_ALONE = {"CZ338_keras_circle"}
TF200_ALONE = {"CZ338_negative_child", "CZ338_excluded_runtime"}


def write(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The SavedModels of the bad files of CZ336, CZ338 and CZ339, and a sound one, by name."""
    place = tmp_path_factory.mktemp("loaders")
    found = {SOUND: write(described().files(), place / SOUND)}
    for code in ("CZ336", "CZ338", "CZ339"):
        for path in sorted(BAD.glob(f"{code}_*.czmodel")):
            with CzModel(path) as model:
                files = {name: b"".join(model.files.chunks(name)) for name in model.files.names}
            found[path.stem] = write(files, place / path.stem)
    return found


@pytest.fixture(
    params=["this one", pytest.param("TensorFlow 2.0.0", marks=pytest.mark.tf200)], scope="module"
)
def told(request: pytest.FixtureRequest, folders: dict[str, Path]) -> dict[str, Any]:
    """What the loaders of one TensorFlow made of each, by name; with `is_200`."""
    import sys

    is_200 = request.param != "this one"
    python = str(request.getfixturevalue("tf200_python")) if is_200 else sys.executable
    printed = run_script(python, HERE / "load_each.py", "--run", *folders.values())
    found = json.loads(printed.splitlines()[-1])
    return {"is_200": is_200, **{name: found[str(path)] for name, path in folders.items()}}


@pytest.mark.tensorflow
def test_what_is_sound_opens_and_is_the_same_in_each(told: dict[str, Any]) -> None:
    assert told[SOUND]["session"]["error"] is None
    assert told[SOUND]["object"]["means"] == pytest.approx(told[SOUND]["session"]["means"])


@pytest.mark.tensorflow
def test_the_loader_that_a_finding_names_refuses_or_sees_another_network(
    told: dict[str, Any], folders: dict[str, Path]
) -> None:
    target = load_target("tf-2.0.0" if told["is_200"] else "any")
    seen = 0
    for name in folders:
        if not name.startswith("CZ338") or name in KERAS_ALONE:
            continue
        if name in TF200_ALONE and not told["is_200"]:
            continue
        with CzModel(BAD / f"{name}.czmodel") as model:
            (found, *_) = disagreements(model.network, target)
        loader, other = ("session", "object") if found.loader == SESSION else ("object", "session")
        assert found.loader in (SESSION, OBJECTS)
        assert told[name][other]["error"] is None, name
        here = told[name][loader]
        if "another network" in found.problem:
            assert here["means"] != pytest.approx(told[name][other]["means"], abs=0.01), name
        else:
            assert here["error"] is not None, name
        seen += 1
    assert seen >= 11


@pytest.mark.tensorflow
def test_a_file_of_two_graphs_is_refused_where_nobody_says_which(told: dict[str, Any]) -> None:
    assert told["CZ336_second_graph"]["session"]["error"] is None
    assert "tags" in told["CZ336_second_graph"]["object"]["error"]


@pytest.mark.tensorflow
def test_every_loader_takes_what_is_only_odd(told: dict[str, Any]) -> None:
    odd = [name for name in told if name.startswith("CZ339")]
    assert len(odd) == 3
    for name in odd:
        for loader in ("session", "object"):
            assert told[name][loader]["error"] is None, (name, loader)
            assert told[name][loader]["means"] == pytest.approx(told[SOUND]["session"]["means"])


def test_nothing_is_said_of_real_files(corpus: Path) -> None:
    looked_at = 0
    for path in sorted(corpus.rglob("*.czmodel")):
        with CzModel(path) as model:
            if model.archive.defects or model.payload.files is None:
                continue
            looked_at += 1
            assert list(disagreements(model.network, load_target("any"))) == [], path.name
            assert list(oddities(model.network)) == [], path.name
    assert looked_at
