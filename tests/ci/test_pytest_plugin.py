"""The pytest plugin, in suites of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from czcheck.pytest_plugin import assert_verified
from fixtures.archives import czmodel, metadata_xml
from fixtures.graphs import good_payload

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

SUITE = """
from czcheck.pytest_plugin import assert_verified

def test_it_passes(czmodel):
    assert_verified(czmodel, level="network")

def test_its_classes(czmodel):
    assert [each.name for each in czmodel.metadata.classes] == ["Background", "Nucleus"]
"""


@pytest.fixture
def models(pytester: pytest.Pytester) -> Path:
    """A folder with a good and a bad model, beside a suite that tests models."""
    folder = pytester.path / "models"
    folder.mkdir()
    bad = metadata_xml(('LabelValue="2"', 'LabelValue="3"'))
    (folder / "good.czmodel").write_bytes(czmodel(metadata_xml(), good_payload()))
    (folder / "bad.czmodel").write_bytes(czmodel(bad, good_payload()))
    pytester.makepyfile(SUITE)
    return folder


def test_models_pass_or_fail_and_the_report_says_why(
    pytester: pytest.Pytester, models: Path
) -> None:
    result = pytester.runpytest_subprocess("--czmodel", "models", "-v")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*test_it_passes[[]good.czmodel[]] PASSED*"])
    result.stdout.fnmatch_lines(["*bad.czmodel is not verified*", "*error   CZ206*", "*fix: *"])
    result.stdout.no_fnmatch_line("*verification.py*")


def test_models_named_in_the_configuration(pytester: pytest.Pytester, models: Path) -> None:
    pytester.makeini("[pytest]\nczmodel = models/good.czmodel\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_without_a_model_nothing_passes(pytester: pytest.Pytester, models: Path) -> None:
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*--czmodel FILE*"])


def test_a_model_that_is_not_there(pytester: pytest.Pytester, models: Path) -> None:
    result = pytester.runpytest_subprocess("--czmodel", "models/none.czmodel")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*none.czmodel: no such file*"])


def test_what_is_incomplete_is_not_verified(tmp_path: Path) -> None:
    path = tmp_path / "cut.czmodel"
    path.write_bytes(czmodel(metadata_xml(), good_payload())[:900])
    with pytest.raises(AssertionError, match="CZ101") as error:
        assert_verified(path, level="network")
    assert "not checked, because CZ101 failed" in str(error.value)


def test_it_costs_suites_without_models_nothing() -> None:
    code = "import pytest, czcheck.pytest_plugin, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = [name for name in done.stdout.split() if name.startswith("czcheck")]
    assert sorted(loaded) == ["czcheck", "czcheck.pytest_plugin"]
