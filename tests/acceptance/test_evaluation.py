"""`czcheck evaluate`: real nuclei, with the example's network trained on them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import numpy as np
import pytest
from children import run_script
from PIL import Image

from czcheck import InputError, evaluate
from czcheck.report import FORMATS

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "report.schema.json").read_text("utf-8"))
MODEL = ROOT / "fixtures" / "models" / "nuclei.czmodel"
# Its metadata say Gray16, the images have 8 bits; it was trained on their numbers as they are.
OPTIONS = ("--mask", "instances", "--intensities", "keep")


class Trained(NamedTuple):
    archive: Path
    accuracy: float
    images: Path
    masks: Path


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    images, masks = corpus / "nuclei" / "images", corpus / "nuclei" / "masks"
    folder = tmp_path_factory.mktemp("trained")
    script = Path(__file__).with_name("train_nuclei.py")
    printed = run_script(sys.executable, script, images, masks, folder, "2")
    said = json.loads(printed.splitlines()[-1])
    return Trained(Path(said["archive"]), said["accuracy"], images, masks)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "czcheck", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def evaluated(trained: Trained, *options: str | Path) -> tuple[int, dict[str, Any]]:
    done = run(
        trained.archive, trained.images, trained.masks, *OPTIONS, "--format", "json", *options
    )
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    assert done.returncode == report["exit_code"]
    return done.returncode, report


def test_pixel_accuracy_is_keras_s_own(trained: Trained, tmp_path: Path) -> None:
    table, worst = tmp_path / "images.csv", tmp_path / "worst"
    code, report = evaluated(trained, "--csv", table, "--pictures", worst, "--worst", "2")
    assert code == 0
    found = report["files"][0]["looked_at"]["evaluation"]
    assert found["images"] == 200
    assert found["pixels"] == 200 * 128 * 128
    assert found["pixel_accuracy"] == pytest.approx(trained.accuracy, abs=1e-6)
    truth = [np.asarray(Image.open(path)) for path in sorted(trained.masks.iterdir())]
    assert found["objects"]["true"] == sum(len(np.unique(mask)) - 1 for mask in truth)
    assert found["classes"][1]["pixels"] == sum(int((mask > 0).sum()) for mask in truth)
    # The curve begins with the figures without a minimum confidence.
    start = found["thresholds"][0]
    assert start["kept"] == 1
    assert start["iou"] == [each["iou"] for each in found["classes"]]
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert len(rows) == 201
    lowest = sorted(
        rows[:-1],
        key=lambda row: sum(float(row[f"iou {name}"] or 1) for name in ("Background", "Nucleus")),
    )
    named = [each["name"] for each in found["worst"]]
    assert set(named) <= {row["image"] for row in lowest[:10]}
    assert sorted(path.name for path in worst.iterdir()) == sorted(
        f"simple_nuclei-{report['files'][0]['sha256'][:8]}-{Path(name).stem}.png" for name in named
    )


def test_goals_make_a_gate(trained: Trained, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("0.png", "1.png"):
        (few / name).write_bytes((trained.images / name).read_bytes())
    reached = run(
        trained.archive, few, trained.masks, *OPTIONS,
        "--min-iou", "Nucleus=0.5", "--min-dice", "Background=0.5", "--min-f1", "0.1",
    )  # fmt: skip
    assert reached.returncode == 0, reached.stdout + reached.stderr
    assert "2 labelled images" in reached.stdout
    assert "ignored, without a counterpart: " in reached.stdout
    missed = run(trained.archive, few, trained.masks, *OPTIONS, "--min-iou", "Nucleus=0.999")
    assert missed.returncode == 1
    assert "CZ501" in missed.stdout
    # What is called Background here is what the masks call a nucleus.
    swapped = run(trained.archive, few, trained.masks, *OPTIONS, "--class", "Background")
    assert swapped.returncode == 1
    assert "if they were listed as Nucleus, Background" in " ".join(swapped.stdout.split())


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """An image and a mask that the bundled model takes, in folders."""
    rng = np.random.default_rng(1)
    for folder, pixels in (
        ("images", rng.integers(0, 65535, (80, 90), np.uint16)),
        ("masks", rng.integers(1, 3, (80, 90), np.uint8)),
    ):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "a.png")
    return tmp_path / "images", tmp_path / "masks"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--min-iou", "Nucleus"), 2, "'Nucleus' is not a goal; write CLASS=VALUE"),
        (("--min-iou", "Nuclei=0.5"), 2, "no class 'Nuclei'; there are: Background, Nucleus"),
        (("--min-f1", "0.5"), 2, "F1 of objects needs masks that number them: --mask instances"),
        (("--class", "Nucleus"), 2, "needs --mask instances or binary"),
        (("--mask", "indices"), 1, "is not the label of a class (0 Background, 1 Nucleus)"),
        (("--mask", "binary", "--min-f1", "0.5"), 2, "masks that number them: --mask instances"),
        (("--mask", "instances"), 1, "no pixel of any mask is 0, which is everything else"),
        (("--csv", "nowhere/t.csv"), 2, "the folder nowhere does not exist"),
        (("--channel", "3"), 2, "channel"),
    ],
)
def test_wrong_options_and_masks(
    pair: tuple[Path, Path], options: tuple[str, ...], code: int, message: str
) -> None:
    done = run(MODEL, *pair, *options)
    assert done.returncode == code, done.stdout + done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_every_report_says_that_most_is_padding(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """80x90 pixels in a tile of 256x256."""
    files = {form: tmp_path / form for form in FORMATS if form != "text"}
    reports = [part for form, path in files.items() for part in ("--report", f"{form}={path}")]
    done = run(MODEL, *pair, *reports)
    assert done.returncode == 0, done.stdout + done.stderr
    texts = {"text": done.stdout} | {form: path.read_text() for form, path in files.items()}
    for form, text in texts.items():
        assert "CZ507" in text, form
        assert "89 % of what the network sees of them is padding" in " ".join(text.split()), form
    report = json.loads(texts["json"])
    jsonschema.validate(report, SCHEMA)
    found = report["files"][0]["looked_at"]["evaluation"]
    assert found["tiles"]["padding"] == pytest.approx(1 - 80 * 90 / 256**2)
    assert found["worst"][0]["padding"] == found["tiles"]["padding"]
    strict = run(MODEL, *pair, "--fail-on", "warning", "--select", "CZ507")
    assert strict.returncode == 1
    assert "padding: 1 image does not fill its tiles of 256x256 pixels" in strict.stdout


def test_a_mask_of_another_size_and_a_damaged_one(pair: tuple[Path, Path]) -> None:
    images, masks = pair
    Image.fromarray(np.ones((80, 91), np.uint8)).save(masks / "a.png")
    with pytest.raises(
        InputError, match=r"masks/a.png: the mask has 91x80 pixels, the image 90x80"
    ):
        evaluate(MODEL, images, masks)
    data = (masks / "a.png").read_bytes()
    (masks / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"masks/a.png"):
        evaluate(MODEL, images, masks)


def test_nothing_is_labelled(pair: tuple[Path, Path]) -> None:
    images, masks = pair
    Image.fromarray(np.zeros((80, 90), np.uint8)).save(masks / "a.png")
    with pytest.raises(InputError, match="no pixel is labelled in any mask"):
        evaluate(MODEL, images, masks)


def test_masks_of_black_and_white(pair: tuple[Path, Path], tmp_path: Path) -> None:
    images, masks = pair
    two = np.asarray(Image.open(masks / "a.png")) == 2
    whole, white = tmp_path / "labels.json", tmp_path / "white.json"
    first = run(MODEL, images, masks, "--report", f"json={whole}")
    assert first.returncode == 0, first.stderr
    Image.fromarray(two.astype(np.uint8) * 255).save(masks / "a.png")
    second = run(MODEL, images, masks, "--mask", "binary", "--report", f"json={white}")
    assert second.returncode == 0, second.stderr
    assert "objects" not in second.stdout
    found = [json.loads(path.read_text())["files"][0]["looked_at"] for path in (whole, white)]
    jsonschema.validate(json.loads(white.read_text()), SCHEMA)
    assert found[1]["evaluation"].pop("mask") == "binary"
    assert found[0]["evaluation"].pop("mask") == "labels"
    assert found[0]["evaluation"] == found[1]["evaluation"]


def test_in_python(pair: tuple[Path, Path]) -> None:
    images, masks = pair
    report = evaluate(MODEL, images / "a.png", masks / "a.png", min_confidence=60, align=True)
    found = report.files[0].evaluation
    assert found is not None
    assert found.counts.pixels == 80 * 90
    assert "pixel accuracy" in str(report)
    rules = {each.code: each for each in report.files[0].outcomes}
    assert rules["CZ402"].reason == "labelled images were run, and no test tiles"
    assert rules["CZ205"].status.value == "passed"
