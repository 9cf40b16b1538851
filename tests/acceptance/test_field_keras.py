"""Files of old Kerases as people have them: built, and equal in a real TensorFlow 2.0.0.

Keras 3 opens each of them, or refuses it with advice about a class of Keras's own; of those that it
opens, it computes something else than the Keras that wrote them. `io.npz` has what that computed.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from czcheck.building import build
from czcheck.errors import InputError

HERE = Path(__file__).parent
CASES = (
    "k231_h5_bilinear", "k2_h5_bn_training", "k2_h5_hard_sigmoid", "k2_h5_nested_functional",
    "k2_keras_file",
)  # fmt: skip

pytestmark = [pytest.mark.tensorflow, pytest.mark.tf200, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def found(
    corpus: Path, tf200_python: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What TensorFlow 2.0.0 makes of each archive, by case and loader."""
    folder = tmp_path_factory.mktemp("field")
    jobs = []
    for name in CASES:
        case = corpus / "field" / name
        build(case / "spec.json", folder / f"{name}.czmodel", verify=False)
        with zipfile.ZipFile(folder / f"{name}.czmodel") as archive:
            (payload,) = (each for each in archive.namelist() if each.endswith(".model"))
            archive.extract(payload, folder)
        with zipfile.ZipFile(folder / payload) as inner:
            inner.extractall(folder / name)
        (folder / name / "variables").mkdir(exist_ok=True)
        with np.load(case / "io.npz") as kept:
            np.savez(folder / f"{name}.tile.npz", tile=kept["x"])
        jobs.append(
            {
                "name": name,
                "folder": str(folder / name),
                "tile": str(folder / f"{name}.tile.npz"),
                "into": str(folder / f"{name}.output.npz"),
            }
        )
    (folder / "jobs.json").write_text(json.dumps(jobs), "utf-8")
    command = [tf200_python, str(HERE / "load_in_target.py"), "jobs.json", "results.json"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads((folder / "results.json").read_text("utf-8"))
    assert results["tensorflow"] == "2.0.0"
    assert [each["errors"]["session"] for each in results["results"]] == [None] * len(CASES)
    return {name: dict(np.load(folder / f"{name}.output.npz")) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_an_old_keras_is_equal_in_the_target(
    name: str, found: dict[str, Any], corpus: Path
) -> None:
    with np.load(corpus / "field" / name / "io.npz") as kept:
        right = kept["y"]
    for loader in ("session", "object"):
        assert np.abs(found[name][loader] - right).max() <= 1e-5
        assert (found[name][loader].argmax(-1) == right.argmax(-1)).all()


def test_models_in_a_model_of_open_size_build_at_a_tile(corpus: Path, tmp_path: Path) -> None:
    """Keras 3 refused this one with a long text of its own, of which the beginning was shown."""
    spec = corpus / "field" / "k2_h5_message_cut" / "spec.json"
    result = build(spec, tmp_path / "a.czmodel", verify=False)
    assert result.equivalence.scaled <= 1e-5


def test_a_message_about_an_old_file_is_whole(corpus: Path, tmp_path: Path) -> None:
    """A layer that cannot be built: name, class, version, reason and way out, to the last word."""
    import h5py

    source = corpus / "field" / "k2_h5_message_cut"
    path, spec = tmp_path / "m.h5", tmp_path / "spec.json"
    path.write_bytes((source / "m.h5").read_bytes())
    spec.write_text((source / "spec.json").read_text("utf-8"), "utf-8")
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"].replace("MaxPooling2D", "LocallyConnected2D")
        file.attrs["model_config"] = config
    with pytest.raises(InputError) as caught:
        build(spec, tmp_path / "a.czmodel", verify=False)
    message = str(caught.value)
    assert "is of tf.keras 2.15.0, and its layer 'max_pooling2d' (LocallyConnected2D)" in message
    assert "tf.saved_model.save(model, folder), and name that folder in `ModelPath`" in message
    assert message.endswith('the path of a .py file (custom_objects="..." in Python)')
    assert not (tmp_path / "a.czmodel").exists()
