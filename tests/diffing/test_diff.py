"""Two releases compared by running both, and what text, JSON and notebook say of it."""

from __future__ import annotations

import io
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import lxml.html
import numpy as np
import pytest
from PIL import Image

import czcheck
from czcheck.changes import OutputsChange, WeightsChange, compare_metadata
from czcheck.diffing import Diff
from czcheck.errors import UsageError
from czcheck.report import Verdict
from fixtures.archives import czmodel, metadata_xml
from fixtures.bad_releases import FIRST, OTHER, SECOND, THIRD, release, with_bias
from fixtures.graphs import FLOAT, Graph, Type, classifier

SCHEMA = json.loads(files("czcheck.schemas").joinpath("diff.schema.json").read_text("utf-8"))
BAD = Path(__file__).parents[2] / "fixtures" / "bad"
EXCHANGED = (FIRST + SECOND, SECOND.replace('"2"', '"1"') + FIRST.replace('"1"', '"2"'))


def exchanged_classes() -> Graph:
    """The sound network with its two channels in the other order."""
    graph = classifier()
    (answer,) = (node for node in graph.meta_graph.graph_def.node if node.name == "answer")
    answer.name = "softmax"
    axis = graph.const("axis", [3], (1,), "int32")
    graph.node("answer", "ReverseV2", "softmax", axis, T=FLOAT, Tidx=Type("int32"))
    return graph


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def checked(diff: Diff) -> dict[str, Any]:
    """The comparison as JSON, held against its schema and against what it says of itself."""
    plain: dict[str, Any] = json.loads(json.dumps(diff.to_json()))
    jsonschema.Draft202012Validator(SCHEMA).validate(plain)
    assert plain["exit_code"] == diff.exit_code
    assert plain["verdict"].upper() in str(diff).splitlines()[-1]
    codes = [finding["code"] for finding in plain["findings"]]
    for told in (str(diff), diff._repr_html_()):
        assert all(code in told for code in codes)
    return plain


def codes(diff: Diff) -> list[str]:
    return [finding.code for finding in diff.findings]


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Diff:
    """The sound model and one with another bias, under an id of its own."""
    folder = tmp_path_factory.mktemp("retrained")
    before = write(folder, "before.czmodel", release())
    after = release(graph=with_bias(classifier(), -4.5), guid=OTHER)
    return czcheck.diff(before, write(folder, "after.czmodel", after))


@pytest.mark.tensorflow
def test_other_weights_give_other_answers(retrained: Diff) -> None:
    assert codes(retrained) == ["CZ620"]
    assert (retrained.verdict, retrained.exit_code) == (Verdict.FAILED, 1)
    assert retrained.equal is False
    assert isinstance(retrained.weights, WeightsChange)
    assert {each.name: each.state for each in retrained.weights.changes} == {
        "bias": "changed",
        "kernel": "same",
    }
    answers = retrained.outputs
    assert isinstance(answers, OutputsChange)
    assert {tile.tile for tile in answers.tiles} | set(answers.flat) >= {"nuclei", "zeros"}
    assert set(answers.flat) == {"constant", "zeros", "saturated"}
    worst = answers.worst
    assert worst is not None
    assert worst.comparison.labels == max(tile.comparison.labels for tile in answers.tiles)
    lost = {each.name: each.changed for each in answers.classes}
    # What one class loses the other one gains.
    assert lost["Background"] == lost["Nucleus"] == answers.labels > 0
    assert all(each.dice is not None and 0 < each.dice < 1 for each in answers.classes)


@pytest.mark.tensorflow
def test_text_json_and_notebook_say_the_same(retrained: Diff) -> None:
    plain = checked(retrained)
    answers = plain["answers"]
    text = str(retrained)
    assert f"tile {answers['worst_tile']}" in text
    assert "bias: float32 2, norm 0.5" in text
    assert plain["weights"]["counts"]["changed"] == 1
    runs = answers["runs"]
    assert all(run["cost"]["first_tile_seconds"] > 0 for run in runs)
    assert "s per tile" in text


@pytest.mark.tensorflow
def test_the_picture_shows_where_the_releases_differ(retrained: Diff) -> None:
    drawing = retrained.drawing
    assert drawing is not None
    panels = {
        name: np.asarray(Image.open(io.BytesIO(data))) for name, data in drawing.panels.items()
    }
    assert list(panels) == ["input", "before", "after", "difference"]
    assert {panel.shape for panel in panels.values()} == {(32, 32, 3)}
    # Red is the first class, green the second.
    assert {tuple(pixel) for pixel in panels["before"].reshape(-1, 3)} <= {(255, 0, 0), (0, 255, 0)}
    changed = (panels["before"] != panels["after"]).any(axis=-1)
    marked = (panels["difference"] == (255, 0, 255)).all(axis=-1)
    assert (changed == marked).all()
    answers = retrained.outputs
    assert isinstance(answers, OutputsChange)
    assert answers.worst is not None
    assert marked.sum() == answers.worst.comparison.labels + answers.worst.comparison.ties
    assert retrained.picture is not None
    assert Image.open(io.BytesIO(retrained.picture)).size == (4 * 32 + 3 * 4, 32)
    assert retrained._repr_html_().count("data:image/png;base64,") == 4


@pytest.mark.tensorflow
def test_the_page_says_the_same_and_needs_nothing_else(retrained: Diff) -> None:
    plain = retrained.to_json()
    page = read_page(retrained)
    told = [
        (each.get("data-code"), each.get("data-severity"), " ".join(each.text_content().split()))
        for each in page.xpath("//p[@data-code]")
    ]
    # What stands between backticks is shown as code.
    assert told == [
        (each["code"], each["severity"], each["message"].replace("`", ""))
        for each in plain["findings"]
    ]
    (verdict,) = page.xpath("//h2/span[starts-with(@class, 'verdict')]/strong")
    assert verdict.text == "FAILED"
    sources = [each.get("src") for each in page.xpath("//img")]
    assert len(sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert all(each.get("alt") for each in page.xpath("//img"))
    tiles = page.xpath("//table[caption='Agreement on each tile']/tbody/tr/th")
    assert [each.text_content().split()[0].rstrip(":") for each in tiles] == [
        each["tile"] for each in plain["answers"]["tiles"]
    ]
    weights = page.xpath("//section[@id='weights']//tbody/tr/th")
    assert [each.text for each in weights] == ["bias"]


def test_a_page_of_what_cannot_be_compared(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    page = read_page(czcheck.diff(before, BAD / "CZ101_png_image.czmodel", level="network"))
    for section in ("metadata", "network", "weights", "outputs"):
        (found,) = page.xpath(f"//section[@id='{section}']")
        assert "Not known: in the second release" in found.text_content()
    assert "INCOMPLETE" in page.xpath("//title")[0].text


def read_page(diff: Diff) -> Any:
    """The page as a tree, which loads nothing and runs nothing."""
    text = diff.to_html()
    page: Any = lxml.html.document_fromstring(text)
    assert not page.xpath("//script | //link[@rel='stylesheet'] | //iframe")
    for link in page.xpath("//@href | //@src"):
        assert link.startswith(("#", "data:")), link
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    for target in page.xpath("//nav//@href"):
        assert target.removeprefix("#") in ids
    return page


@pytest.mark.tensorflow
def test_classes_in_another_order_are_compared_by_what_they_are(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    after = release(EXCHANGED, graph=exchanged_classes(), guid=OTHER)
    diff = czcheck.diff(before, write(tmp_path, "after.czmodel", after))
    assert diff.equal
    assert codes(diff) == ["CZ603"]
    assert diff.exit_code == 1
    plain = checked(diff)
    assert [each["dice"] for each in plain["answers"]["classes"]] == [1, 1]
    assert all(each["changes"] == ["reordered"] for each in plain["metadata"]["classes"])


@pytest.mark.tensorflow
def test_a_network_that_cannot_be_run_is_not_compared(tmp_path: Path) -> None:
    broken = BAD / "CZ330_when_called.czmodel"
    before = write(tmp_path, "before.czmodel", release())
    diff = czcheck.diff(before, broken)
    assert diff.verdict is Verdict.INCOMPLETE
    assert diff.exit_code == 3
    assert diff.equal is None
    plain = checked(diff)
    assert "the second release must not be run" in plain["answers"]["fault"]


@pytest.mark.tensorflow
def test_a_tile_that_only_one_release_answers_is_a_difference(tmp_path: Path) -> None:
    after = write(tmp_path, "after.czmodel", release())
    diff = czcheck.diff(BAD / "CZ402_assertion_on_black_tile.czmodel", after)
    plain = checked(diff)
    failed = {each["tile"]: each["release"] for each in plain["answers"]["unanswered"]}
    assert failed == {"zeros": "first"}
    assert diff.exit_code == 1
    assert "the first release fails on the tile zeros" in str(diff)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_answers_of_other_types_are_compared_as_numbers(dtype: Any) -> None:
    from czcheck.diffing.outputs import _Channels
    from czcheck.runtime.compare import compare

    metadata = czcheck.ModelMetadata.from_xml(metadata_xml())
    channels = _Channels(compare_metadata(metadata, metadata))
    one = np.zeros((1, 2, 2, 2), dtype)
    two = one.copy()
    two[0, 0, 0, 1] = 1
    assert compare(*channels.of_both(one, two), 1e-5).change == 1
    assert compare(*channels.of_both(two, one), 1e-5).change == 1


def test_channels_are_put_in_the_order_of_all_classes() -> None:
    from czcheck.diffing.outputs import _Channels

    before = czcheck.ModelMetadata.from_xml(metadata_xml())
    more = (FIRST + SECOND, FIRST + THIRD.replace('"3"', '"2"') + SECOND.replace('"2"', '"3"'))
    change = compare_metadata(before, czcheck.ModelMetadata.from_xml(metadata_xml(more)))
    assert [each.name for each in change.classes] == ["Background", "Nucleus", "Debris"]
    old, new = np.array([[[[1.0, 2.0]]]]), np.array([[[[1.0, 3.0, 2.0]]]])
    one, two = _Channels(change).of_both(old, new)
    assert one.tolist() == [[[[1, 2, 0]]]]
    assert two.tolist() == [[[[1, 2, 3]]]]
    # Where a network answers with another number of channels, nobody knows which is which.
    same = _Channels(change).of_both(new, new)
    assert same[0] is new


def test_a_fault_of_ours_is_no_pass_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("czcheck.diffing.outputs.proven_outputs", bug)
    path = write(tmp_path, "before.czmodel", release())
    diff = czcheck.diff(path, path, level="network")
    assert diff.exit_code == 3
    assert "ZeroDivisionError: oops" in checked(diff)["answers"]["fault"]
    assert "crashed CZ620" in str(diff)


def test_the_same_network_needs_no_run_to_answer_the_same(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    after = write(tmp_path, "after.czmodel", release(('"Nucleus"', '"Cell"')))
    diff = czcheck.diff(before, after, level="network")
    assert diff.equal
    assert diff.exit_code == 0
    assert checked(diff)["answers"]["proven"]
    assert "nothing was run" in str(diff)


def test_without_a_run_nobody_knows_what_other_weights_answer(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    after = release(graph=with_bias(classifier(), -4.5), guid=OTHER)
    diff = czcheck.diff(before, write(tmp_path, "after.czmodel", after), level="network")
    assert diff.equal is None
    assert diff.exit_code == 3
    assert "--level run compares them" in checked(diff)["answers"]["fault"]


def test_classes_exchanged_in_the_metadata_alone_are_no_proof(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    after = write(tmp_path, "after.czmodel", release(EXCHANGED))
    diff = czcheck.diff(before, after, level="network")
    assert diff.equal is None
    assert codes(diff) == ["CZ603"]


def test_what_cannot_be_the_same_is_known_without_a_run(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    after = write(tmp_path, "after.czmodel", release(graph=classifier(height=64)))
    diff = czcheck.diff(before, after, level="network")
    assert diff.equal is False
    assert diff.exit_code == 1
    assert "a tile was 32x32x1 and is 64x32x1" in checked(diff)["answers"]["other"]


def test_a_damaged_file_is_told_of_and_the_rest_compared(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    diff = czcheck.diff(before, BAD / "CZ201_tag_not_closed.czmodel", level="network")
    plain = checked(diff)
    assert diff.exit_code == 3
    assert "in the second release" in plain["metadata"]["fault"]
    assert "fault" not in plain["network"]


def test_members_beside_the_model_are_compared(tmp_path: Path) -> None:
    def licensed(text: bytes, *more: tuple[str, bytes]) -> bytes:
        payload = classifier().payload()
        return czmodel(metadata_xml(), payload, extra=[("LICENSE.txt", text), *more])

    before = write(tmp_path, "before.czmodel", licensed(b"free"))
    after = write(tmp_path, "after.czmodel", licensed(b"mine", ("notes.txt", b"")))
    plain = checked(czcheck.diff(before, after, level="network"))
    changed = {each["name"]: each for each in plain["members"]["changes"]}
    assert set(changed) == {"LICENSE.txt", "notes.txt"}
    assert changed["notes.txt"]["before"] is None


def test_names_out_of_files_are_escaped(tmp_path: Path) -> None:
    before = write(tmp_path, "before.czmodel", release())
    hostile = release(('Name="Nucleus"', 'Name="&lt;b&gt;\u202e::error::"'))
    diff = czcheck.diff(before, write(tmp_path, "after.czmodel", hostile), level="network")
    page = diff.to_html()
    for told in (str(diff), diff._repr_html_(), page, json.dumps(diff.to_json())):
        assert "\u202e" not in told
    assert "<b>\\" not in diff._repr_html_() + page
    assert "&lt;b&gt;" in page
    assert not any(line.startswith("::") for line in str(diff).splitlines())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": "metadata"}, "choose from: network, run"),
        ({"fail_on": "all"}, "choose from"),
        ({"select": ["CZ2"]}, "czcheck rules CZ6"),
        ({"tiles": ["nowhere.png"]}, "no such image"),
        ({"allow_op": ["a b"]}, "no operation"),
    ],
)
def test_wrong_options_are_usage_errors(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    path = write(tmp_path, "before.czmodel", release())
    with pytest.raises(UsageError, match=words):
        czcheck.diff(path, path, **options)


def test_the_schema_is_valid_and_says_of_findings_what_that_of_reports_says() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    path = files("czcheck.schemas").joinpath("report.schema.json")
    of_reports = json.loads(path.read_text("utf-8"))["$defs"]
    shared = SCHEMA["$defs"].keys() & of_reports.keys()
    assert {"finding", "location", "outcome"} <= shared
    for name in shared:
        assert SCHEMA["$defs"][name] == of_reports[name], name
