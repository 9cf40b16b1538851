"""Reports for the HTML page: the worst cases, and many pictures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from czcheck.gallery import Collector, Gallery
from czcheck.report.report import FileReport, Options, Report
from czcheck.rules.catalogue import catalogue
from czcheck.rules.engine import Outcome, SkipCause, Status
from czcheck.rules.finding import Finding, InGraph, InMember, Severity, TilePixel, XmlPath
from czcheck.rules.waiver import Waiver
from czcheck.runtime.answers import Answer

SCRIPT = "<script>document.title='owned'</script>"
HOSTILE = f"evil\x1b[31m\n\u202e{SCRIPT}<img src=x onerror=\"document.title='owned'\">\"'{{{{7*7}}}}"
COLOURS = ((32, 64, 160), (255, 200, 0), (200, 30, 90))


def finding(code: str, at: Any, message: str, waiver: Waiver | None = None) -> Finding:
    return Finding(code, catalogue()[code].severity, at, message, (("n", 1),), waiver)


def file_report(path: str, *special: Outcome, **more: Any) -> FileReport:
    by_code = {outcome.code: outcome for outcome in special}
    outcomes = [by_code.get(code, Outcome(code, Status.PASSED)) for code in catalogue()]
    return FileReport(
        path, 12345, "0123456789abcdef" * 4, Severity.ERROR, tuple(outcomes), {"members": 3}, **more
    )


def failed(code: str, *findings: Finding, omitted: int = 0) -> Outcome:
    return Outcome(code, Status.FAILED, findings, omitted=omitted)


def forty_findings() -> FileReport:
    """Forty findings of all severities, two of them waived, one of them with a hostile name."""
    waiver = Waiver("CZ119", "The licence is agreed on elsewhere.", "*.czmodel", date(2027, 1, 31))
    graph = [
        finding("CZ315", InGraph(f"unet/block_{n}/conv"), f"Operation `Odd{n}` is not known.")
        for n in range(20)
    ]
    members = [finding("CZ102", InMember(HOSTILE), f"Member {HOSTILE} overlaps another one.")]
    members += [finding("CZ102", InMember(f"a/{n}.bin"), "Data lies before it.") for n in range(7)]
    noted = [
        finding("CZ119", InMember(f"LICENSE{n}.txt"), "The archive holds no licence.", waiver)
        for n in range(2)
    ]
    return file_report(
        "dist/forty findings.czmodel",
        failed("CZ102", *members),
        failed("CZ119", *noted),
        failed("CZ205", finding("CZ205", XmlPath("/Model/Id", 2), "The ids differ.")),
        failed("CZ206", *(finding("CZ206", XmlPath("/Model", n), "A gap.") for n in range(4))),
        failed("CZ315", *graph, omitted=961),
        failed(
            "CZ406",
            *(finding("CZ406", TilePixel("nuclei", 9, 7, n), "Sums to 1.2.") for n in range(3)),
        ),
        failed("CZ408", finding("CZ408", TilePixel("nuclei", 9, 7), "Sums to 1.00002.")),
        failed("CZ412", finding("CZ412", TilePixel("nuclei"), "It depends on others.")),
    )


def crashed() -> FileReport:
    """A rule that crashed, and one that hangs on it."""
    return file_report(
        "crash.czmodel",
        Outcome("CZ207", Status.CRASHED, reason=f"KeyError: '{HOSTILE}' (metadata.py, line 7)"),
        Outcome("CZ208", Status.SKIPPED, cause=SkipCause.TOOL, reason="CZ207 crashed"),
    )


def unchecked() -> FileReport:
    """Nothing was checked."""
    return file_report(
        "none.czmodel",
        *(
            Outcome(code, Status.SKIPPED, cause=SkipCause.TOOL, reason="the runner did not start")
            for code in catalogue()
        ),
    )


def report(*files: FileReport) -> Report:
    return Report("1.2.3", Options(), files)


def gallery(count: int, side: int = 1024, classes: int = 3) -> Gallery:
    """As much as pictures can hold: noise everywhere."""
    generator = np.random.Generator(np.random.PCG64(5))
    names = {f"image {number}.png": True for number in range(count)}
    collector = Collector(names, COLOURS, bgr=True)
    for name in names:
        tile = generator.integers(0, 256, (1, side, side, 3)).astype(np.float32)
        answer = generator.random((1, side, side, classes), np.float32)
        answer /= answer.sum(-1, keepdims=True)
        collector.keep(name, tile, Answer(answer, "float32", answer.shape, 0.1))
    return collector.gallery(())


def with_gallery(file: FileReport, shown: Gallery) -> FileReport:
    classes = [
        {"label_value": number, "name": f"Class {number} {SCRIPT}", "color": "#2040a0"}
        for number in range(1, 4)
    ]
    metadata = {
        "version": "3.0.0",
        "read_by": "ZEN",
        "id": HOSTILE,
        "name": HOSTILE,
        "status": "Trained",
        "feature_extractor": "DeepNeuralNetwork",
        "postprocessing": "",
        "color_handling": "ConvertToMonochrome",
        "pixel_types": ["Bgr24"],
        "border_size": 8,
        "classes": classes,
        "unknown": [{"path": "/Model", "kind": "element", "name": HOSTILE, "text": HOSTILE}],
    }
    inspection = {"members": None, "metadata": metadata, "network": {"fault": HOSTILE}}
    return replace(file, gallery=shown, inspection=inspection)
