"""Which floor of the package may import which, and that no imports run in a circle."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "pyproject.toml"


def test_arrows_run_one_way() -> None:
    # What breaks a contract is printed, which pytest shows.
    assert lint_imports(config_filename=str(SETTINGS), no_cache=True) == 0


def imported(
    code: str, module: str, modules: Collection[str], *, is_package: bool
) -> Iterator[str]:
    """Modules that code imports, wherever the import stands: at the top, in a function, for types.

    Args:
        code: Source of the module.
        module: Its full name.
        modules: All modules that there are.
        is_package: Whether it is the `__init__` of a package.
    """
    here = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in modules)
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            for each in node.names:
                inner = f"{start}.{each.name}"
                if inner in modules or start in modules:
                    yield inner if inner in modules else start


def import_graph(root: Path, package: str) -> dict[str, set[str]]:
    """Each module of a package with those that it imports; stubs of packages count as their code.

    Args:
        root: The folder that holds the package.
        package: Its name.
    """
    sources: dict[Path, str] = {}
    for path in sorted([*root.glob(f"{package}/**/*.py"), *root.glob(f"{package}/**/*.pyi")]):
        parts = path.relative_to(root).with_suffix("").parts
        sources[path] = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    modules = set(sources.values())
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for path, module in sources.items():
        is_package = path.stem == "__init__"
        code = path.read_text("utf-8")
        graph[module].update(imported(code, module, modules, is_package=is_package))
    return graph


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = import_graph(ROOT, "czcheck")
    assert len(graph) > 200  # so that the walk found the package
    assert "czcheck._version" in graph["czcheck"]  # for types
    assert "czcheck.report.html_model" in graph["czcheck.report.html"]  # at the top
    assert "czcheck.segmenting.predicting" in graph["czcheck.api"]  # in a function
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


@pytest.mark.parametrize(
    "code",
    [
        "from house import door",
        "import house.door",
        "from . import door",
        "from .door import handle",
        "def enter():\n    from house.door import handle",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.door import Handle",
    ],
)
def test_a_circle_is_seen_however_it_is_closed(tmp_path: Path, code: str) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "__init__.py").touch()
    (house / "door.py").write_text("import house.hall")
    (house / "hall.py").write_text(code)
    graph = import_graph(tmp_path, "house")
    assert graph == {"house": set(), "house.door": {"house.hall"}, "house.hall": {"house.door"}}
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()
