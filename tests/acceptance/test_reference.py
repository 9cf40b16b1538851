"""Networks whose meaning only TensorFlow as it comes gets wrong: built, run, and in TF 2.0.0."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import czcheck
from czcheck.limits import DEFAULT_LIMITS
from czcheck.runtime import Worker, load_network
from czcheck.runtime.unpack import unpack

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(240)]

CASES = ("k2_layernorm_eps6_tokens", "v1_while_cond")


@dataclass(frozen=True)
class Built:
    """A network of the corpus as an archive, and its right prediction to one tile."""

    archive: Path
    report: Any
    tile: np.ndarray[Any, Any]
    right: np.ndarray[Any, Any]


@pytest.fixture(scope="module", params=CASES)
def built(
    request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    source = corpus / "field" / request.param
    if not source.is_dir():
        pytest.skip(f"{source} is not there")
    archive = tmp_path_factory.mktemp("built") / f"{request.param}.czmodel"
    result = czcheck.build(source / "spec.json", archive)
    with np.load(source / "io.npz") as arrays:
        return Built(archive, result.report, arrays["x"], arrays["y"])


def test_the_archive_passes(built: Built) -> None:
    assert built.report.verdict.value == "passed"


def test_it_predicts_what_is_right(built: Built) -> None:
    with czcheck.open(built.archive) as model:
        found = np.asarray(model.predict(built.tile[0, ..., 0]))
    np.testing.assert_allclose(found, built.right[0], atol=1e-5, rtol=0)


def test_it_segments_what_is_right(built: Built) -> None:
    with czcheck.open(built.archive) as model:
        found = model.segment(built.tile[0, ..., 0])
    np.testing.assert_array_equal(found, built.right[0].argmax(-1) + 1)


@pytest.mark.tf200
def test_the_target_computes_the_same(built: Built, tf200_python: str) -> None:
    with czcheck.open(built.archive) as model, Worker(tf200_python) as worker:
        worker.start()
        folder = unpack(model.files, worker.folder / "model", DEFAULT_LIMITS)
        load_network(worker, folder, model.network)
        found = worker.predict(built.tile).array
        worker.finish()
    assert found is not None
    np.testing.assert_allclose(found, built.right, atol=1e-5, rtol=0)
