"""From a network to an archive that TensorFlow 2.0.0 runs, for every pixel type of the format.

One process writes the networks, a build makes an archive of each, `czcheck.verify` looks at all of
them together (each import of TensorFlow takes seconds), one process runs them in TensorFlow 2.0.0.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import run_script

import czcheck
from czcheck.errors import InputError
from czcheck.metadata import PIXEL_TYPES
from czcheck.report import Verdict
from czcheck.runtime.unpack import unpack

HERE = Path(__file__).parent
TWELVE = [f"Klasse {number} & <µm> \u0394" for number in range(1, 13)]
NORMALIZATION = {"Name": "Normalization", "Mean": [0.4, 0.5, 0.6], "Std": 0.25}
SCALE = {"Name": "Scale", "Factor": "max"}

pytestmark = [pytest.mark.tensorflow, pytest.mark.tf200, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Case:
    """One pixel type, with what is put around the network."""

    tile: tuple[int, int]
    classes: list[str]
    before: list[Any] = field(default_factory=list)
    after: list[Any] = field(default_factory=list)
    activation: str | None = "softmax"
    colours: bool = False


RGB = ["Red", "Green", "Blue"]
CASES = {
    "Gray8": Case((64, 64), ["a", "b"], ["PerImageStandardization"]),
    "Gray16": Case((1024, 1024), TWELVE, [SCALE]),
    "Gray32Float": Case((48, 80), ["a", "b"], [], ["SigmoidToSoftmaxScores"], "sigmoid"),
    "Bgr24": Case((32, 32), RGB, ["RgbToBgr", SCALE], ["Softmax"], None, colours=True),
    "Bgr48": Case((40, 64), ["a", "b", "c"], [SCALE, NORMALIZATION], ["Softmax"], None),
    "Bgr96Float": Case((64, 40), ["a", "b", "c", "d"], ["PerImageStandardization", "RgbToBgr"]),
    "Bgra32": Case((32, 32), RGB, ["RgbaToBgra", SCALE], ["Softmax"], None, colours=True),
}


def names(operations: list[Any]) -> list[str]:
    return [each if isinstance(each, str) else each["Name"] for each in operations]


def tile_of(pixel_type: str, case: Case) -> Any:
    """Noise; or stripes of red, green and blue as ZEN sends them: blue first, alpha last."""
    kind = PIXEL_TYPES[pixel_type]
    shape = (1, *case.tile, kind.scalars)
    if not case.colours:
        noise = np.random.default_rng(3).random(shape, np.float32)
        return np.floor(noise * kind.maximum) if kind.maximum > 1 else noise
    tile = np.zeros(shape, np.float32)
    for place in range(3):
        tile[:, :, place * 10 : place * 10 + 10, 2 - place] = 200
    tile[..., 3:] = 255
    return tile


@dataclass(frozen=True)
class Built:
    """All archives, and what TensorFlow 2.0.0 made of them."""

    folder: Path
    specs: dict[str, Path]
    results: dict[str, czcheck.BuildResult]
    report: czcheck.Report
    errors: dict[str, dict[str, str | None]]

    def expected(self, name: str) -> Any:
        return np.load(self.folder / f"{name}.npz")["answer"]

    def answers(self, name: str) -> dict[str, Any]:
        with np.load(self.folder / f"{name}.answers.npz") as found:
            return dict(found)


@pytest.fixture(scope="module")
def built(tf200_python: str, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("pixel_types")
    cases, specs, results, jobs = {}, {}, {}, []
    for name, case in CASES.items():
        kind = PIXEL_TYPES[name]
        np.save(folder / f"{name}.tile.npy", tile_of(name, case))
        around = {"before": names(case.before), "after": names(case.after)}
        outputs = 1 if "SigmoidToSoftmaxScores" in around["after"] else len(case.classes)
        own = {"channels": kind.scalars, "outputs": outputs, "maximum": kind.maximum}
        cases[name] = {**asdict(case), **around, **own}
    (folder / "cases.json").write_text(json.dumps(cases), "utf-8")
    (folder / "unpacked").mkdir()
    run_script(sys.executable, HERE / "write_pixel_types.py", folder)
    for name, case in CASES.items():
        specs[name] = folder / f"{name}.json"
        spec = {
            "Name": f"{name} & <Zellen> \u00b5",
            "BorderSize": 2,
            "ColorHandling": "SplitRgb" if name.startswith("Bgr") else "ConvertToMonochrome",
            "PixelType": name,
            "Classes": case.classes,
            "ModelPath": name,
            "SpatialDims": case.tile,
            "Preprocessing": case.before,
            "Postprocessing": case.after,
        }
        specs[name].write_text(json.dumps(spec), "utf-8")
        results[name] = czcheck.build(specs[name], folder / f"{name}.czmodel", verify=False)
        with czcheck.open(results[name].path) as model:
            unpack(model.files, folder / "unpacked" / name)
        jobs.append(
            {
                "name": name,
                "folder": str(folder / "unpacked" / name),
                "tile": str(folder / f"{name}.npz"),
                "into": str(folder / f"{name}.answers.npz"),
            }
        )
    (folder / "jobs.json").write_text(json.dumps(jobs))
    run_script(
        tf200_python, HERE / "load_in_target.py", folder / "jobs.json", folder / "results.json"
    )
    found = json.loads((folder / "results.json").read_text())
    assert found["tensorflow"] == "2.0.0"
    errors = {result["name"]: result["errors"] for result in found["results"]}
    report = czcheck.verify([result.path for result in results.values()])
    return Built(folder, specs, results, report, errors)


@pytest.mark.parametrize("name", CASES)
def test_the_archive_passes_and_says_what_the_spec_says(built: Built, name: str) -> None:
    result, case = built.results[name], CASES[name]
    told = next(file for file in built.report.files if Path(file.path) == result.path)
    assert told.verdict is Verdict.PASSED
    assert result.tile == case.tile
    assert result.warnings == ()
    assert result.equivalence.pixels > 0
    with czcheck.open(result.path) as model:
        metadata = model.metadata
    assert metadata == result.metadata
    assert [each.name for each in metadata.classes] == case.classes
    assert metadata.name == f"{name} & <Zellen> \u00b5"


@pytest.mark.parametrize("name", CASES)
def test_tensorflow_2_0_0_answers_as_tensorflows_own_operations_do(built: Built, name: str) -> None:
    assert built.errors[name] == {"object": None, "session": None, "keras": None}
    expected = built.expected(name)
    assert expected.shape == (1, *CASES[name].tile, len(CASES[name].classes))
    for answer in built.answers(name).values():
        assert answer.shape == expected.shape
        assert np.abs(answer - expected).max() <= 1e-5


@pytest.mark.parametrize("name", ["Bgr24", "Bgra32"])
def test_colours_have_their_labels(built: Built, name: str) -> None:
    for answer in built.answers(name).values():
        labels = answer[0, :, :30].argmax(-1)
        stripes = np.repeat([0, 1, 2], 10)
        assert (labels == stripes).all()


def test_lowering_what_was_built_again_gives_the_same_bytes(built: Built, tmp_path: Path) -> None:
    for name in ("Gray8", "Gray32Float"):
        spec = json.loads(built.specs[name].read_text("utf-8"))
        spec.update(
            ModelPath=str(built.folder / "unpacked" / name),
            Preprocessing=[],
            Postprocessing=None,
            Id=built.results[name].model_id,
        )
        (tmp_path / "again.json").write_text(json.dumps(spec), "utf-8")
        again = czcheck.build(tmp_path / "again.json", tmp_path / "again.czmodel", verify=False)
        assert again.path.read_bytes() == built.results[name].path.read_bytes()


@pytest.mark.parametrize("name", [name for name, kind in PIXEL_TYPES.items() if not kind.usable])
def test_complex_pixels_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    spec = {
        "BorderSize": 2,
        "ColorHandling": "ConvertToMonochrome",
        "PixelType": name,
        "Classes": ["a"],
        "ModelPath": "saved",
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(InputError, match="no network takes complex pixels; give one of Gray8"):
        czcheck.build(tmp_path / "spec.json", tmp_path / "a.czmodel")
    assert not (tmp_path / "a.czmodel").exists()
