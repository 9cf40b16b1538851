"""A sound archive in parts, and what every archive has to end in: a verdict."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import czcheck
from czcheck.errors import UnavailableError
from czcheck.report import inspection_lines, plain_json, report_lines
from czcheck.report.inspection import inspection
from czcheck.rules import Status
from czcheck.text import printable
from fixtures.archives import GUID, metadata_xml, zip_bytes
from fixtures.graphs import CONV, FLOAT, Func, Graph, spec

SECONDS = 10
TILE, ANSWER = (None, 32, 32, 1), (None, 32, 32, 2)
GRAPH = "saved_model.pb"
XML, MODEL, MARKER = f"{GUID}.xml", f"{GUID}.model", f"modelid={GUID}"


def network() -> Graph:
    """A network with variables, a saver and a function, so that there is much to damage."""
    graph = Graph()
    image = graph.placeholder("image", TILE)
    kernel = graph.variable("kernel", [1e-5] * 18, (3, 3, 1, 2))
    body = graph.function("body", {"x": "float32", "k": "float32"}, {"y": "float32"})
    body.node("conv", "Conv2D", "x", "k", **CONV)
    body.node("softmax", "Softmax", "conv:output:0", T=FLOAT)
    body.returns(y="softmax:softmax:0")
    types = [FLOAT, FLOAT]
    answer = graph.node(
        "answer", "PartitionedCall", image, kernel, f=Func("body"), Tin=types, Tout=[FLOAT]
    )
    graph.saver()
    graph.signature({"image": spec(image, TILE)}, {"answer": spec(answer, ANSWER)})
    return graph


FILES: Mapping[str, bytes] = network().files()
METADATA = metadata_xml()


def packed(
    files: Mapping[str, bytes] = FILES, xml: bytes = METADATA, payload: bytes | None = None
) -> bytes:
    """An archive of these parts, its checksums right."""
    inner = zip_bytes(files.items()) if payload is None else payload
    return zip_bytes([(XML, xml), (MODEL, inner), (MARKER, b"")])


def check(path: Path) -> str:
    """Check an archive without running it, and make every form of what comes of it.

    Args:
        path: The archive.

    Returns:
        The verdict.
    """
    begin = time.monotonic()
    report = czcheck.verify(path, level="network")
    crashed = [each for each in report.files[0].outcomes if each.status is Status.CRASHED]
    assert not crashed, crashed
    unexplained = [
        (each.code, each.reason)
        for each in report.files[0].outcomes
        if each.status is Status.SKIPPED and each.cause is not None and each.cause.value != "choice"
    ]
    assert report.exit_code in (0, 1), unexplained
    lines = [line.text for line in report_lines(report)]
    told: list[object] = [report.to_json()]
    pages = [report._repr_html_()]  # what a notebook calls
    with czcheck.open(path) as model:
        with suppress(UnavailableError):
            plain = inspection(model)
            told.append(plain_json(plain))
            lines.extend(line.text for line in inspection_lines(plain))
        pages.append(model._repr_html_())
    lines.extend(json.dumps(each, ensure_ascii=False) for each in told)
    for text in (*lines, *pages):
        assert printable(text) == text, f"text that steers a terminal: {text!a}"
    seconds = time.monotonic() - begin
    assert seconds < SECONDS, seconds
    return report.verdict.value
