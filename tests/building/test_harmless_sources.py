"""No honest SavedModel meets an objection: not what TensorFlow writes, nor what is built of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import czcheck
from czcheck.building import build
from czcheck.network import Safety, SavedModelFolder, read_network
from czcheck.network.scan import scan

if TYPE_CHECKING:
    from conftest import WriteSpec

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(300)]


def safety_of(folder: Path) -> Safety:
    files = SavedModelFolder(folder)
    network = read_network(files)
    assert network.fault is None, folder.name
    return scan(network, files)


def test_sources_of_every_kind_are_harmless(sources: Path) -> None:
    folders = [path for path in sources.iterdir() if path.is_dir()]
    assert len(folders) > 8
    assert {path.name: safety_of(path) for path in folders if safety_of(path) != Safety()} == {}


def test_training_functions_are_harmless(trained_sources: Path) -> None:
    folders = list(trained_sources.iterdir())
    assert len(folders) == 7
    assert {path.name: safety_of(path) for path in folders if safety_of(path) != Safety()} == {}


@pytest.mark.tf200
def test_what_tensorflow_2_0_0_trained_is_harmless(source_of_tf200: Path) -> None:
    assert safety_of(source_of_tf200) == Safety()


@pytest.mark.parametrize("kind", ["export", "saved_keras_model", "module", "tensorflow_1"])
def test_what_is_built_is_harmless(
    kind: str, sources: Path, write_spec: WriteSpec, tmp_path: Path
) -> None:
    result = build(write_spec(sources / kind), tmp_path / "built.czmodel", verify=False)
    with czcheck.open(result.path) as model:
        assert model.safety == Safety()
