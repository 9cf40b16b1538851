"""Names out of a file come out escaped, wherever a file can hold one and wherever one is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import czcheck
from czcheck.archive import Payload
from czcheck.errors import CzcheckError, InputError, UsageError
from czcheck.report import FORMATS, report_lines
from czcheck.text import Line
from fixtures.archives import GUID, czmodel, metadata_xml, zip_bytes
from fixtures.graphs import CONV, FLOAT, Func, Graph, classifier, spec
from fixtures.stand_ins import UNLISTED

COMMANDS = "\x1b[31m\x07\u202e\u200b\n::error::x\r##[error]y\x85##vso[z]"
HTML = "<script>alert(1)</script>"
NAME = f"{COMMANDS}{HTML}"
# A colon in the name of a node ends it where it is an input.
NODE = NAME.replace(":", "")
# What XML can hold: no control characters, so that these are left out.
IN_XML = "\u202e\u200b::error::x ##[error]y &lt;script&gt;alert(1)&lt;/script&gt;"
STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def hostile_graph() -> Graph:
    """Every name that a SavedModel can hold, made hostile."""
    graph = Graph(version=NAME)
    graph.message.meta_graphs.add().meta_info_def.tags.append(NAME)
    tile, answer = (None, 32, 32, 1), (None, 32, 32, 2)
    image = graph.placeholder(NODE, tile)
    kernel = graph.variable(f"kernel{NODE}", [1e-5] * 18, (3, 3, 1, 2))
    body = graph.function(f"body{NAME}", {"x": "float32"}, {"y": "float32"})
    body.node(f"inner{NODE}", f"Operation{NAME}", "x", T=FLOAT)
    body.returns(y=f"inner{NODE}:y:0")
    graph.node(f"call{NODE}", "PartitionedCall", image, f=Func(f"body{NAME}"), Tin=[FLOAT])
    graph.node(f"write{NODE}", UNLISTED, image, f"call{NODE}")
    graph.node(f"attribute{NODE}", "Identity", image, T=FLOAT, **{f"attr{NAME}": NAME})
    conv = graph.node(f"conv{NODE}", "Conv2D", image, kernel, **CONV)
    graph.node(f"answer{NODE}", "Sigmoid", conv, T=FLOAT)
    graph.signature(
        {f"in{NAME}": spec(NODE, tile)},
        {f"out{NAME}": spec(f"answer{NODE}", answer), f"more{NAME}": spec(NODE, tile)},
        key=f"key{NAME}",
    )
    asset = graph.meta_graph.asset_file_def.add(filename=f"asset{NAME}")
    asset.tensor_info.name = f"tensor{NODE}"
    return graph


def archives() -> dict[str, bytes]:
    xml = metadata_xml(
        ("<ModelName>Nuclei", f"<ModelName>{IN_XML}"),
        ('Name="Nucleus"', f'Name="{IN_XML}" Odd="{IN_XML}"'),
        ('Name="Background"', f'Name="{IN_XML}"'),
    )
    sound = classifier().payload()
    graph = hostile_graph()
    files = {**graph.files(), f"more{NAME}": b""}
    member = "evil\x1b[31m::error::<script>.txt"
    return {
        "metadata": czmodel(xml, sound),
        "broken-metadata": czmodel(
            metadata_xml(("<Status>Trained", f"<Status>{IN_XML}"), (">4<", f">{IN_XML}<")), sound
        ),
        "no-xml": czmodel(f"<Model>\n{NAME}".encode(), sound),
        "member": czmodel(metadata_xml(), sound, extra=[(member, b"x")]),
        "members": czmodel(metadata_xml(), sound, extra=[(NAME, b"x")]),
        "graph": czmodel(metadata_xml(), graph.payload()),
        "more-files": czmodel(metadata_xml(), zip_bytes(files.items())),
        "other": zip_bytes([(NAME, b"x"), (f"modelid={GUID}", b"")]),
        "no-zip": NAME.encode("utf-8", "surrogatepass"),
    }


@pytest.fixture(params=archives(), scope="module")
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "model.czmodel"
    path.write_bytes(archives()[request.param])
    return path


def assert_harmless(text: str, *, html: bool = False) -> None:
    assert not STEERING.search(text), ascii(STEERING.search(text))
    for line in text.splitlines():
        assert not line.lstrip().startswith("::"), line
        assert not re.search(r"##\w*\[", line), line
    if html:
        assert "<script" not in text


def strings(value: object) -> Iterator[str]:
    """All texts in plain data, keys included."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            left += one


def test_reports(archive: Path) -> None:
    report = czcheck.verify(archive, level="network")
    for line in report_lines(report):
        assert_harmless(line.text)
        assert "\n" not in line.text
    assert_harmless(str(report))
    assert_harmless(report._repr_html_(), html=True)
    for form in FORMATS:
        assert_harmless(report.render(form))
    for text in strings(report.to_json()):
        assert_harmless(text)
        assert "\n" not in text


def test_notebooks(archive: Path) -> None:
    with czcheck.open(archive) as model:
        assert_harmless(model._repr_html_(), html=True)


@pytest.mark.parametrize(
    "args",
    [
        ("verify", "--level", "network"),
        ("verify", "--level", "network", "--format", "json"),
        ("inspect",),
        ("inspect", "--json"),
    ],
)
def test_the_command_line(archive: Path, args: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "czcheck", *args, str(archive)], capture_output=True, check=False
    )
    assert done.returncode in (0, 1)
    for stream in (done.stdout, done.stderr):
        assert_harmless(stream.decode("utf-8"))
    if "json" in args[-1] and done.stdout:
        for text in strings(json.loads(done.stdout)):
            assert_harmless(text)


def test_what_is_hostile_is_there_at_all(tmp_path: Path) -> None:
    path = tmp_path / "graph.czmodel"
    path.write_bytes(archives()["graph"])
    with czcheck.open(path) as model:
        payload = model.payload
        assert isinstance(payload, Payload)
        assert model.network.fault is None
        assert any(NAME in use.op for use in model.network.operations)


@pytest.mark.skipif(sys.platform == "win32", reason="no such file names there")
@pytest.mark.parametrize(
    "args", [("verify",), ("inspect",), ("build",), ("baseline", "-o", "x.npz"), ("verfy",)]
)
def test_names_of_files(tmp_path: Path, args: tuple[str, ...]) -> None:
    name = "a\x1b[31m\u202e\n::error::.czmodel"
    for path in (tmp_path / name, tmp_path / f"missing{name}"):
        if not path.name.startswith("missing"):
            path.write_bytes(b"no archive")
        done = subprocess.run(
            [sys.executable, "-m", "czcheck", *args, str(path)],
            capture_output=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode in (1, 2)
        assert done.stdout + done.stderr
        assert_harmless((done.stdout + done.stderr).decode("utf-8"))


@pytest.mark.parametrize("kind", [CzcheckError, InputError, UsageError])
def test_exceptions(kind: type[CzcheckError]) -> None:
    assert_harmless(str(kind(f"{NAME}: is broken")))
    assert "is broken" in str(kind(f"{NAME}: is broken"))
    assert str(kind("one\ntwo")) == "one\ntwo"


def test_a_line_is_harmless_even_where_a_break_made_it_begin_with_a_command() -> None:
    assert Line("  ::error::x").text == "  \\x3a:error::x"
