"""Real files: written by the reference exporter, by ZEN, and by newer tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import czcheck
from czcheck.cli import main
from czcheck.rules import Severity


@pytest.mark.tensorflow
def test_the_reference_exporters_model_passes_at_level_run(corpus: Path) -> None:
    report = czcheck.verify(corpus / "simple_nuclei_tf200.czmodel")
    assert report.passed
    assert report.exit_code == 0
    assert [found for found in report.findings if found.severity is not Severity.NOTE] == []
    assert "TensorFlow" in str(report)


def test_the_random_forest_is_named_and_not_unpickled(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["verify", str(corpus / "xrm_sandstone_v1.czmodel"), "--format", "json"])
    assert stop.value.code == 1
    (file,) = json.loads(capsys.readouterr().out)["files"]
    (finding,) = file["findings"]
    assert finding["code"] == "CZ116"
    assert "Python pickle" in finding["message"]
    assert "run" not in file["looked_at"]


@pytest.mark.parametrize("name", ["live_denoise.czann", "simple_pytorch.czann"])
def test_czann_is_recognised_and_said_to_be_unsupported(corpus: Path, name: str) -> None:
    report = czcheck.verify(corpus / name)
    (finding,) = report.findings
    assert finding.code == "CZ107"
    assert "not supported yet" in finding.message
    assert report.exit_code == 1


def test_a_real_file_is_shown_whole(corpus: Path) -> None:
    with czcheck.open(corpus / "simple_nuclei_tf200.czmodel") as model:
        assert model.metadata.name == "Simple_Nuclei_SegmentationModel"
        assert [each.name for each in model.metadata.classes] == ["Background", "Nucleus"]
        assert model.network.serving is not None
        assert model.network.serving.inputs[0].shape == (None, 1024, 1024, 1)
        assert model.network.parameters == 194
        html = model._repr_html_()
    for word in ("Nucleus", "#00ff00", "1024 x 1024", "ZEN blue 3.2"):
        assert word in html
