"""The documents' workflow, as a script and as a notebook: from images to a verified archive."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from children import end_of_script

EXAMPLE = Path(__file__).parents[2] / "examples" / "nuclei"


def run_script(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE / "nuclei.py"), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def accuracy_in(text: str) -> float:
    found = re.search(r"pixel accuracy after 10 epochs: (0\.\d+)", text)
    assert found, text
    return float(found[1])


@pytest.mark.tensorflow
@pytest.mark.tf200
def test_real_nuclei_reach_the_accuracy_and_run_in_tensorflow_2_0_0(
    corpus: Path, tf200_python: str, tmp_path: Path
) -> None:
    nuclei = corpus / "nuclei"
    done = run_script(
        "--images", nuclei / "images", "--masks", nuclei / "masks",
        "--runtime", tf200_python, "--output", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 images of 128 x 128 pixels" in done.stdout
    assert accuracy_in(done.stdout) >= 0.97
    assert "simple_nuclei.czmodel: PASSED at level run" in done.stdout
    assert (tmp_path / "prediction.png").stat().st_size > 1000


@pytest.mark.tensorflow
def test_the_notebook_runs_from_start_to_end(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; import make_notebook as made\n"
        "book = made.run(made.notebook(), made.HERE)\n"
        "Path(sys.argv[1]).write_text(made.nbformat.writes(book), encoding='utf-8')"
    )
    target = tmp_path / "ran.ipynb"
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)],
        cwd=EXAMPLE,
        env={**os.environ, "NUCLEI_COUNT": "8", "NUCLEI_OUTPUT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "simple_nuclei.czmodel").exists()
    assert (tmp_path / "from_spec.czmodel").exists()
    shown = target.read_text("utf-8")
    assert "passed" in shown
    assert "pixel accuracy" in shown


def test_the_kept_notebook_was_run_and_is_the_scripts() -> None:
    kept = json.loads((EXAMPLE / "nuclei.ipynb").read_text("utf-8"))
    script = "import json, make_notebook as made; print(json.dumps(made.CELLS))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=EXAMPLE, capture_output=True, text=True, check=True
    )
    assert ["".join(cell["source"]) for cell in kept["cells"]] == json.loads(done.stdout)
    code = [cell for cell in kept["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not any(out["output_type"] == "error" for cell in code for out in cell["outputs"])


@pytest.mark.tensorflow
def test_wrong_folders_are_named(tmp_path: Path) -> None:
    script = (sys.executable, EXAMPLE / "nuclei.py")
    done = end_of_script(*script, "--images", tmp_path)
    assert done.returncode == 2
    assert "--masks" in done.stderr
    done = end_of_script(
        sys.executable, EXAMPLE / "nuclei.py", "--images", tmp_path, "--masks", tmp_path
    )
    assert done.returncode == 1
    assert "holds no image" in done.stderr
