"""Layers and convert functions as a notebook uses them, beside TensorFlow in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import czcheck

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(600)]


def test_layers_compute_what_tensorflow_computes(day: dict[str, Any]) -> None:
    alone = day["alone"]
    assert alone["rgb"] == alone["rgba"] == alone["scores"] == 0
    assert alone["standardisation"] <= 1e-6
    assert alone["standardisation_flat"] == 0
    assert alone["standardisation_integers"] <= 1e-5
    assert alone["normalisation"] <= 1e-6 * 65535 / 3
    assert alone["normalisation_one_for_all"] <= 1e-6 * 65535 / 2


def test_standardisation_of_raw_intensities_survives_half_precision(day: dict[str, Any]) -> None:
    assert day["alone"]["half_type"] == "float16"
    assert day["alone"]["standardisation_half"] <= 2e-3


def test_layers_go_around_a_model_that_stays_as_it_was(day: dict[str, Any]) -> None:
    found = day["layers_around"]
    assert found["shape"] == [[None, 32, 24, 3], [None, 32, 24, 2]]
    assert found["weights_shared"]
    assert found["by_keras"] <= 1e-5


def test_nothing_is_added_that_was_not_asked_for(day: dict[str, Any]) -> None:
    assert day["layers_around"]["nothing_added"]


def test_a_model_of_fixed_size_takes_another_one(day: dict[str, Any]) -> None:
    assert day["layers_around"]["larger"] <= 1e-4
    assert day["layers_around"]["sequential"] == [None, 10, 8, 2]


def test_layers_are_saved_and_loaded_with_their_model(day: dict[str, Any]) -> None:
    assert day["layers_around"]["loaded"] <= 1e-6


def test_layers_survive_a_build(day: dict[str, Any]) -> None:
    assert day["layers_around"]["built"]["memory"] <= 1e-5
    with czcheck.open(day["layers_around"]["built_path"]) as model:
        assert model.metadata.name == "Cells & <more>"
        (fed,) = model.network.signatures[0].inputs
    assert fed.shape == (None, 32, 24, 3)
    assert Path(day["layers_around"]["built_path"]).name == "cells.czmodel"


@pytest.mark.parametrize("kind", ["keras_file", "saved_model"])
def test_layers_go_around_models_on_disk(day: dict[str, Any], kind: str) -> None:
    assert day["layers_around"]["built"][kind] <= 1e-5


def test_layers_go_around_models_that_keras_cannot_rewrite(day: dict[str, Any]) -> None:
    assert day["subclassed"]["built"] <= 1e-5


def test_a_model_is_built_as_it_predicts_without_augmentation(day: dict[str, Any]) -> None:
    assert day["augmented"]["built"] <= 1e-5


def test_a_model_that_keras_cannot_export_at_an_open_size_gets_its_tile_first(
    day: dict[str, Any],
) -> None:
    assert day["augmented"]["enlarged"] <= 1e-5
    said = day["augmented"]["open"]
    assert "cannot be exported: " in said
    assert said.endswith("it takes tiles of any size: give spatial_dims=(height, width)")


def test_an_export_with_active_augmentation_is_refused_with_a_way_out(day: dict[str, Any]) -> None:
    said = day["augmented"]["exported"]
    assert said.startswith("InputError: ")
    assert "changes a variable while the network runs, as layers of augmentation" in said
    assert "name the model's .keras file in `model`" in said


def test_only_known_layers_go_around_models_on_disk(day: dict[str, Any]) -> None:
    said = day["layers_around"]["errors"]["on_disk"]
    assert said.startswith("UsageError: Rescaling cannot be put around this model; give ")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("several", "the model has 2 inputs"),
        ("channels", "RgbToBgr takes tiles of 3 channels, not of 1"),
        ("four_channels", "not of 4: RgbaToBgra is for 4"),
        ("class", "give a layer of it: RgbToBgr()"),
        ("no_layer", "'RgbToBgr' is no Keras layer"),
        ("size", "spatial_dims is [8]; give (height, width)"),
        ("dense", "the model cannot take tiles of the shape (None, 16, 16, 1)"),
        ("std", "std is 1, 0; a standard deviation is above 0"),
        ("lengths", "mean has 2 numbers and std 3"),
        ("mean", "mean is [nan]; give a number"),
        ("numbers", "Normalization has numbers for 2 channels, the tiles have 3"),
        ("scores", "takes the one channel of a sigmoid, not 2 channels"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    day: dict[str, Any], case: str, message: str
) -> None:
    said = day["layers_around"]["errors"][case]
    assert said.startswith("InputError: ")
    assert message in said


def test_the_notebook_runs_with_the_name_changed(day: dict[str, Any]) -> None:
    found = day["notebook"]
    archive = Path(found["memory"])
    assert archive == day["folder"] / "czmodel_output" / "deep" / "simple_nuclei_segmodel.czmodel"
    assert found["passed"]
    assert found["tile"] == [64, 96]
    described, built = found["metadata"]
    assert described == built
    with czcheck.open(archive) as model:
        assert str(model.metadata) == described
        assert model.metadata.name == "Simple_Nuclei_SegmentationModel"


def test_a_json_specification_is_read_as_build_reads_it(day: dict[str, Any]) -> None:
    found = day["notebook"]
    assert found["disk_name"] == "saved_tf2_model_output"
    again = czcheck.build(
        day["folder"] / "model_spec.json",
        day["folder"] / "again.czmodel",
        tile=(64, 96),
        verify=False,
    )
    assert again.path.read_bytes() == Path(found["disk"]).read_bytes()
    assert again.model_id == found["disk_id"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no_tile", "give spatial_dims=(height, width), each a multiple of 2"),
        ("odd_tile", "the network shrinks a tile by 2: use multiples of 2"),
        ("channels", "takes 3 channels, but the pixel type Gray8 with SplitRgb has 1"),
        ("classes", "outputs 2 channels, but the spec names 3 classes (a, b, c)"),
        ("unbuilt", "InputError: model 'unbuilt': cannot be exported: "),
        ("layer", "RgbaToBgra takes tiles of 4 channels, not of 3"),
    ],
)
def test_a_model_that_cannot_be_built_is_named(
    day: dict[str, Any], case: str, message: str
) -> None:
    said = day["wrong"]["messages"][case]
    assert said.startswith("InputError: ")
    assert message in said
    assert "saved_model" not in said


def test_failures_leave_nothing_behind(day: dict[str, Any]) -> None:
    assert not day["wrong"]["written"]
    assert day["wrong"]["private_left"] == []


@pytest.mark.tf200
def test_what_the_notebook_makes_answers_the_same_in_tensorflow_2_0_0(
    day: dict[str, Any], tf200_python: str
) -> None:
    for path in (day["notebook"]["memory"], day["layers_around"]["built_path"]):
        report = czcheck.verify(path, runtime=tf200_python)
        assert report.passed, [finding.message for finding in report.findings]
