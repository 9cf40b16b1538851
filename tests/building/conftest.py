"""SavedModels of every kind, written once by the TensorFlows that write them so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from children import made_once, run_script

from czcheck.building import Plan

HERE = Path(__file__).parent

WriteSpec = Callable[..., Path]


def written(factory: pytest.TempPathFactory, python: str, script: str) -> Path:
    """The folder that a script fills, once for all processes of a test run."""
    folder: Path = made_once(factory, script, lambda into: run_script(python, HERE / script, into))
    return folder


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of SavedModels that today's TensorFlow writes: see `write_sources.py`."""
    return written(tmp_path_factory, sys.executable, "write_sources.py")


@pytest.fixture(scope="session")
def trained_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of SavedModels that hold much besides the network: see `write_trained_sources.py`."""
    return written(tmp_path_factory, sys.executable, "write_trained_sources.py")


@pytest.fixture(scope="session")
def source_of_tf200(tmp_path_factory: pytest.TempPathFactory, tf200_python: str) -> Path:
    """A SavedModel that Keras 2 in TensorFlow 2.0.0 saved after training."""
    folder = written(tmp_path_factory, tf200_python, "write_sources_tf200.py")
    return folder / "keras2"


@pytest.fixture(autouse=True)
def what_builds_passes_as_specification(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Verify the specification of every build that succeeds, without building: it has to pass."""
    from czcheck.building import BuildResult
    from czcheck.verifying import verify

    plans: list[Plan] = []
    planned = Plan.of

    def plan_of(*arguments: Any) -> Plan:
        plans.append(planned(*arguments))
        return plans[-1]

    def result_of(**fields: Any) -> Any:
        plan = plans[-1]
        # Without a verification, scores may be built; such a build warns.
        if not fields["warnings"] and plan.source.exists():
            path = tmp_path_factory.mktemp("effective") / "spec.json"
            path.write_text(json.dumps(effective(plan)), "utf-8")
            report = verify(path, level="network", allow_op=plan.options.allow_op)
            assert report.passed, [str(each) for each in report.findings]
        return BuildResult(**fields)

    monkeypatch.setattr(Plan, "of", plan_of)
    monkeypatch.setattr("czcheck.building.builder.BuildResult", result_of)


def effective(plan: Plan) -> dict[str, Any]:
    """A specification of what is built, with what the call changed about it."""

    def listed(operations: Any) -> list[dict[str, Any]]:
        found = []
        for each in operations:
            parameters: dict[str, Any] = {}
            if each.mean:
                parameters = {"Mean": list(each.mean), "Std": list(each.std)}
            if each.name == "Scale":
                parameters = {"Factor": each.factor or "max"}
            found.append({"Name": each.name, **parameters})
        return found

    return {
        "Name": plan.metadata.name,
        "BorderSize": plan.metadata.border_size,
        "ColorHandling": plan.metadata.color_handling,
        "PixelType": plan.metadata.pixel_types[0],
        "Classes": [each.name for each in plan.metadata.classes],
        "ModelPath": str(plan.source.absolute()),
        "SpatialDims": plan.tile and list(plan.tile),
        "LicenseFile": plan.licence and str(plan.licence.absolute()),
        "Preprocessing": listed(plan.added.before),
        "Postprocessing": listed(plan.added.after),
    }


@pytest.fixture
def write_spec(tmp_path: Path) -> WriteSpec:
    """Writes a specification for a network of one gray channel and two classes."""

    def write(model: Path | str, **changes: Any) -> Path:
        keys: Mapping[str, Any] = {
            "Name": "Nuclei",
            "BorderSize": 4,
            "ColorHandling": "ConvertToMonochrome",
            "PixelType": "Gray16",
            "Classes": ["Background", "Nucleus"],
            "ModelPath": str(model),
            **changes,
        }
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(keys), encoding="utf-8")
        return path

    return write
