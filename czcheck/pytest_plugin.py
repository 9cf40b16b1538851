"""For test suites of people who make models: pytest finds this module by itself.

    pytest --czmodel dist/nuclei.czmodel

    from czcheck.pytest_plugin import assert_verified

    def test_the_release(czmodel):
        assert [each.name for each in czmodel.metadata.classes] == ["Background", "Nucleus"]
        assert_verified(czmodel, fail_on="warning")

It is imported whenever pytest runs where czcheck is installed, so all else is imported when used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from czcheck.api import CzModel
    from czcheck.report.report import Report

_FIXTURE = "czmodel"


def assert_verified(model: str | Path | CzModel, *, level: str = "run", **options: Any) -> Report:
    """Fail the test unless a model passes.

    Args:
        model: An archive, a folder of archives, a specification, or an opened archive.
        level: Deepest level to check: `archive`, `metadata`, `network` or `run`.
        **options: Further options of `czcheck.verify`, such as `fail_on="warning"`.

    Returns:
        The report.

    Raises:
        AssertionError: A finding fails, or not everything could be checked; its text is the report.
        UsageError: No such path, or an option that cannot be carried out.
    """
    __tracebackhide__ = True
    from czcheck import verify  # noqa: PLC0415

    path = model if isinstance(model, (str, Path)) else model.path
    report = verify(path, level=level, **options)
    if not report.passed:
        raise AssertionError(f"{path} is not verified\n\n{report}")
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--czmodel` and the ini-option of that name."""
    group = parser.getgroup("czcheck", "models for ZEISS ZEN Intellesis")
    group.addoption(
        "--czmodel",
        action="append",
        default=[],
        metavar="FILE",
        help="Archive, or folder of archives, for tests that take the fixture `czmodel`;"
        " repeatable, each test is run for every one.",
    )
    parser.addini(
        _FIXTURE, "The same, where the command line names none; relative to the ini-file.", "paths"
    )


def _archives(config: pytest.Config) -> list[Path]:
    given: list[str] = config.getoption("--czmodel")
    paths = [config.invocation_params.dir / each for each in given] or config.getini(_FIXTURE)
    if not paths:
        return []
    from czcheck.errors import UsageError  # noqa: PLC0415
    from czcheck.verifying.verification import archives_in  # noqa: PLC0415

    try:
        return archives_in(paths)
    except UsageError as error:
        raise pytest.UsageError(f"--czmodel: {error}") from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes the fixture once for every model."""
    if _FIXTURE not in metafunc.fixturenames:
        return
    paths = _archives(metafunc.config)
    if paths:
        from czcheck.text import printable  # noqa: PLC0415

        names = [printable(path.name) for path in paths]
        metafunc.parametrize(_FIXTURE, paths, indirect=True, ids=names, scope="module")


@pytest.fixture(scope="module")
def czmodel(request: pytest.FixtureRequest) -> Iterator[CzModel]:
    """The model that `--czmodel` names, opened as by `czcheck.open`; nothing of it is run."""
    path: Path | None = getattr(request, "param", None)
    if path is None:
        pytest.fail(
            "no model to test: run pytest with --czmodel FILE, or name some under `czmodel` in the"
            " configuration of pytest",
            pytrace=False,
        )
    from czcheck import open as open_model  # noqa: PLC0415

    with open_model(path) as model:
        yield model
