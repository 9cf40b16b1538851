"""Building from `.keras` and `.h5` files: exported in the child process, in safe mode."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from children import run_script

import czcheck
from czcheck.building import build
from czcheck.errors import InputError

if TYPE_CHECKING:
    from conftest import WriteSpec

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keras_files")
    run_script(sys.executable, Path(__file__).with_name("write_keras_files.py"), folder)
    return folder


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_keras_file_builds(
    ending: str, files: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    steps: list[str] = []
    source = files / f"plain.{ending}"
    before = source.read_bytes()
    result = build(write_spec(source), tmp_path / "a.czmodel", verify=False, progress=steps.append)
    assert steps[1:3] == ["exporting the Keras model", "lowering the network"]
    assert result.tile == (32, 32)
    assert result.equivalence.of_archive
    assert result.equivalence.scaled <= 1e-5
    assert source.read_bytes() == before


def test_a_keras_file_with_augmentation_answers_as_it_predicts(
    files: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    """Keras's `export` would leave it to each layer, and augmentation would be active."""
    result = build(write_spec(files / "augmented.keras"), tmp_path / "a.czmodel", verify=False)
    with np.load(files / "augmented.npz") as kept, czcheck.open(result.path) as model:
        assert np.abs(model.predict(kept["pixels"]) - kept["answer"]).max() <= 1e-5


@pytest.mark.tf200
def test_files_of_keras_2_answer_as_they_did_there(
    source_of_tf200: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    """Among them one of open size."""
    folder, target = source_of_tf200.parent, tmp_path / "a.czmodel"
    build(write_spec(folder / "sequential.h5"), target, verify=False)
    spec = write_spec(folder / "u_net.h5", PixelType="Gray8")
    with pytest.raises(InputError, match=r"takes tiles of any size, .* give --tile HxW, each"):
        build(spec, target, verify=False)
    before = (folder / "u_net.h5").read_bytes()
    result = build(spec, target, tile=(48, 64), verify=False)
    assert (folder / "u_net.h5").read_bytes() == before
    with np.load(folder / "u_net.npz") as kept, czcheck.open(result.path) as model:
        assert np.abs(model.predict(kept["pixels"]) - kept["answer"]).max() <= 1e-4


def test_layers_of_ones_own_come_from_the_module_that_is_named(
    files: Path, write_spec: WriteSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.czmodel"
    spec = write_spec(files / "own.keras")
    with pytest.raises(InputError, match=r"own\.keras: .* class 'Doubled'.* --custom-objects MOD"):
        build(spec, target, verify=False)
    assert not target.exists()
    monkeypatch.chdir(files)
    first = build(spec, target, custom_objects="own_layers", verify=False)
    again = build(spec, target, custom_objects=str(files / "own_layers.py"), verify=False)
    assert not (files / "__pycache__").exists()
    assert first.model_id == again.model_id
    with pytest.raises(InputError, match="the module of custom objects has no such name"):
        build(spec, target, custom_objects="json", verify=False)


@pytest.mark.parametrize(
    ("name", "custom_objects", "message"),
    [
        ("lambda.keras", None, r"Lambda layer 'doubled': Python code, which is not loaded"),
        ("lambda.h5", None, r"Lambda layer 'doubled': Python code, which is not loaded"),
        ("own.h5", None, r"the class 'Doubled', which is not one of Keras's own; name the module"),
        ("own.h5", "nowhere_at_all", "cannot be imported: ModuleNotFoundErr"),
        ("own.h5", "nowhere.py", r"nowhere\.py does not exist"),
        ("only.weights.h5", None, "holds weights but no model; save the whole model"),
        ("damaged.keras", None, "neither a .keras archive nor an HDF5 file"),
    ],
)
def test_what_cannot_be_loaded_is_named(
    name: str,
    custom_objects: str | None,
    message: str,
    files: Path,
    write_spec: WriteSpec,
    tmp_path: Path,
) -> None:
    (files / "damaged.keras").write_bytes(b"PK\x03\x04 and nothing more")
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(InputError, match=message) as caught:
        build(write_spec(files / name), folder / "a.czmodel", custom_objects=custom_objects)
    assert str(caught.value).startswith(str(files / name))
    assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == []
