"""`build --runtime` compares the archive with the framework that wrote the source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from children import run_script
from click.testing import CliRunner

import czcheck
from czcheck.cli import cli
from czcheck.errors import IncompleteError, InputError

pytestmark = [pytest.mark.tensorflow, pytest.mark.tf200, pytest.mark.timeout(300)]

WriteSpec = Callable[..., Path]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, tf200_python: str) -> Path:
    """A file of Keras 2 whose hard_sigmoid Keras 3 computes otherwise."""
    folder = tmp_path_factory.mktemp("small")
    run_script(tf200_python, Path(__file__).with_name("write_small_tf200.py"), folder)
    return folder / "small.h5"


def test_a_keras_file_is_compared_with_its_own_framework(
    small: Path, tf200_python: str, write_spec: WriteSpec, tmp_path: Path
) -> None:
    spec, target = write_spec(small), tmp_path / "new.czmodel"
    options = ["build", str(spec), "-o", str(target), "--no-verify", "--runtime", tf200_python]
    done = CliRunner().invoke(cli, options)
    assert done.exit_code == 0, done.output
    assert "tf.keras 2.2.4-tf in TensorFlow 2.0.0" in done.output
    assert target.exists()


def test_a_saved_model_is_compared_with_its_own_framework(
    source_of_tf200: Path, tf200_python: str, write_spec: WriteSpec, tmp_path: Path
) -> None:
    built = czcheck.build(
        write_spec(source_of_tf200), tmp_path / "new.czmodel", verify=False, runtime=tf200_python
    )
    assert built.framework is not None
    assert built.framework.framework == "TensorFlow 2.0.0"
    assert built.framework.python.startswith("3.")
    assert 0 <= built.framework.scaled < 1e-5


def test_an_archive_that_computes_something_else_is_refused(
    small: Path, tf200_python: str, write_spec: WriteSpec, tmp_path: Path
) -> None:
    """The build takes the file to be of Keras 2.12, whose epsilon is another."""
    other = tmp_path / "other.h5"
    other.write_bytes(small.read_bytes())
    with h5py.File(other, "r+") as file:
        config = json.loads(_text(file.attrs["model_config"]))
        (norm,) = (each for each in config["config"]["layers"] if "epsilon" in each["config"])
        norm["config"]["epsilon"] = 1e-7  # up to 2.11, TensorFlow raises it without a word
        file.attrs["model_config"] = json.dumps(config)
        name = norm["config"]["name"]
        weights = file["model_weights"][name][name]
        weights["moving_variance:0"][:] = 0
        weights["gamma:0"][:] = 1e-3
        file.attrs["keras_version"] = "2.12.0"
    with pytest.raises(InputError, match=r"does not compute what tf\.keras 2\.2\.4-tf in"):
        czcheck.build(
            write_spec(other), tmp_path / "new.czmodel", verify=False, runtime=tf200_python
        )
    assert not (tmp_path / "new.czmodel").exists()


def test_an_interpreter_without_the_framework_is_named(
    small: Path, tf200_python: str, write_spec: WriteSpec, tmp_path: Path
) -> None:
    other = tmp_path / "standalone.h5"
    other.write_bytes(small.read_bytes())
    with h5py.File(other, "r+") as file:
        file.attrs["keras_version"] = "2.3.1"
    with pytest.raises(IncompleteError, match="the file is of the package keras of its own"):
        czcheck.build(
            write_spec(other), tmp_path / "new.czmodel", verify=False, runtime=tf200_python
        )


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8")
