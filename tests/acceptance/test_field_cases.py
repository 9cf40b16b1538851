"""Networks as people had them: built, they compute in TensorFlow 2.0.0 what their sources do.

Each folder of the corpus holds a SavedModel, a specification, a tile and the right answer.
"""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from target_runs import Outcome, in_target, job

import czcheck
from czcheck.errors import InputError

CASES = (
    "attr_value_unknown__argmax_uint16", "attr_value_unknown__bf16_upsampling",
    "grouped_not_split__dilated_transposed", "grouped_not_split__half", "k2_layernorm_eps6_tokens",
    "nchw_on_cpu__avgpool", "nchw_on_cpu__conv", "v1_while_cond",
)  # fmt: skip
TOLERANCE = 1e-6

pytestmark = [pytest.mark.tensorflow, pytest.mark.tf200, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def field() -> Path:
    corpus = Path(os.environ.get("CZCHECK_CORPUS", "")) / "field"
    if "CZCHECK_CORPUS" not in os.environ or not corpus.is_dir():
        pytest.skip("CZCHECK_CORPUS names no corpus with a folder `field`")
    return corpus


@pytest.fixture(scope="module")
def outcomes(
    field: Path, tf200_python: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("field")
    jobs = []
    for name in CASES:
        source = folder / "sources" / name
        shutil.copytree(field / name, source)
        czcheck.build(source / "spec.json", folder / f"{name}.czmodel", verify=False)
        unpack(folder / f"{name}.czmodel", folder / "unpacked" / name)
        with np.load(field / name / "io.npz") as known:
            np.savez(folder / f"{name}.npz", tile=known["x"])
        jobs.append(job(folder, name, folder / "unpacked" / name, folder / f"{name}.npz"))
    found: dict[str, Outcome] = in_target(tf200_python, folder, jobs)[1]
    return found


def unpack(archive: Path, into: Path) -> None:
    with zipfile.ZipFile(archive) as outer:
        (payload,) = (name for name in outer.namelist() if name.endswith(".model"))
        with zipfile.ZipFile(io.BytesIO(outer.read(payload))) as inner:
            inner.extractall(into)


@pytest.mark.parametrize("name", CASES)
def test_the_target_computes_the_right_answer(
    field: Path, outcomes: dict[str, Outcome], name: str
) -> None:
    assert set(outcomes[name].errors.values()) == {None}
    with np.load(field / name / "io.npz") as known:
        expected = known["y"]
    for answer in outcomes[name].answers.values():
        assert answer.shape == expected.shape
        assert np.abs(answer - expected).max() <= TOLERANCE
        assert (answer.argmax(-1) == expected.argmax(-1)).all()


def test_a_tile_that_does_not_fit_is_refused_in_whole_sentences(
    field: Path, tmp_path: Path
) -> None:
    source = tmp_path / "open_odd"
    shutil.copytree(field / "open_odd_message", source)
    with pytest.raises(InputError) as refused:
        czcheck.build(source / "spec.json", tmp_path / "new.czmodel")
    message = str(refused.value)
    assert "(node conv2d_transpose) cannot take tiles of 33 x 33: " in message
    assert message.endswith("use multiples of 2")
    assert len(message) < 400
    assert not (tmp_path / "new.czmodel").exists()
