"""The rules on the metadata, over facts; nothing is opened."""

from __future__ import annotations

import string

import pytest

from czcheck.archive import Container, ContainerKind
from czcheck.errors import InputError, UnavailableError
from czcheck.metadata import metadata_of, read_document
from czcheck.rules import Facts, Finding, InMember, Level, Outcome, Rule, Status, XmlPath, evaluate
from czcheck.rules.catalogue import catalogue
from fixtures.archives import GUID, metadata_xml
from fixtures.bad_metadata import documents as bad_documents
from fixtures.good_metadata import documents as good_documents

CONTAINER = Container(
    ContainerKind.CZMODEL,
    markers=(f"modelid={GUID}",),
    metadata=(f"{GUID}.xml",),
    payloads=(f"{GUID}.model",),
)
GOOD = dict(good_documents())
BAD = dict(bad_documents())
RULES = {
    code: each
    for code, each in catalogue().items()
    # CZ111 sees to it that the member names carry one id.
    if each.level is Level.METADATA or code in ("CZ107", "CZ108", "CZ109", "CZ110", "CZ111")
}


def without_archive(each: Rule) -> Rule:
    """The rule without what it requires of the archive itself."""
    import dataclasses

    kept = tuple(code for code in each.requires if code in RULES)
    return dataclasses.replace(each, requires=kept)


def outcomes(data: bytes, container: Container = CONTAINER) -> dict[str, Outcome]:
    document = read_document(data)

    def metadata() -> object:
        try:
            return metadata_of(document)
        except InputError as error:
            raise UnavailableError(str(error)) from None

    facts = Facts(
        {"document": lambda: document, "metadata": metadata, "container": lambda: container}
    )
    rules = {code: without_archive(each) for code, each in RULES.items()}
    return {
        outcome.code: outcome
        for outcome in evaluate(rules, facts, level=Level.METADATA, chosen=rules)
    }


def findings(data: bytes) -> list[Finding]:
    return [finding for outcome in outcomes(data).values() for finding in outcome.findings]


def only(name: str) -> Finding:
    (finding,) = findings(BAD[name])
    return finding


@pytest.mark.parametrize("name", GOOD)
def test_good_metadata_passes(name: str) -> None:
    ended = outcomes(GOOD[name])
    failed = {code for code, outcome in ended.items() if outcome.status is not Status.PASSED}
    assert failed == ({"CZ204"} if name.startswith("unknown") else set())


@pytest.mark.parametrize("name", BAD)
def test_bad_metadata_is_found_by_its_own_rule_alone(name: str) -> None:
    ended = outcomes(BAD[name])
    assert [code for code, each in ended.items() if each.status is Status.FAILED] == [name[:5]]
    assert [code for code, each in ended.items() if each.status is Status.CRASHED] == []


def test_every_rule_on_metadata_has_a_bad_document() -> None:
    codes = {code for code, each in RULES.items() if each.level is Level.METADATA}
    assert len(codes) == 15
    assert {name[:5] for name in BAD} == codes


def test_rules_behind_a_broken_document_are_skipped_with_the_reason() -> None:
    for name, code in (
        ("CZ201_doctype", "CZ201"),
        ("CZ202_random_forest", "CZ202"),
        ("CZ203_colour_300", "CZ203"),
    ):
        outcome = outcomes(BAD[name])["CZ206"]
        assert outcome.status is Status.SKIPPED
        assert outcome.reason == f"{code} failed"


def test_unreadable_metadata_is_placed_in_its_member() -> None:
    finding = only("CZ201_doctype")
    assert finding.at == InMember(f"{GUID}.xml")
    assert finding.message == "The metadata XML has a DOCTYPE (line 2); the format has none."


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CZ202_random_forest", "Version 1 is a random-forest model"),
        ("CZ202_onnx_era", "Version 3.1.0 belongs to ONNX networks"),
        ("CZ202_missing", "The element Model has no Version"),
        ("CZ202_unknown", "Version '4' is unknown"),
    ],
)
def test_other_versions_are_explained(name: str, words: str) -> None:
    finding = only(name)
    assert finding.message.startswith(words)
    assert finding.message.endswith("; only 3.0.0 is supported.")


def test_schema_violations_carry_path_and_line() -> None:
    assert only("CZ203_colour_300").at == XmlPath("/Model/TrainingClasses/Item[2]/@colG", 2)


def test_unknown_parts_are_shown() -> None:
    finding = only("CZ204_element")
    assert finding.at == XmlPath("/Model/Author", 2)
    assert finding.message == (
        "The element Author is not defined in Model 3.0.0 and was not checked: "
        "<Author>A. B.</Author>."
    )


def test_long_unknown_parts_are_cut() -> None:
    data = metadata_xml(("<Channels>", f"<New>{'x' * 10_000}</New><Channels>"))
    (finding,) = findings(data)
    assert len(finding.message) < 200


def test_ids_compare_without_letter_case() -> None:
    assert findings(metadata_xml(guid=GUID.upper())) == []
    finding = only("CZ205_other_id")
    assert finding.at == XmlPath("/Model/Id", 2)
    assert GUID in finding.message


def test_label_values_are_compared_with_the_position() -> None:
    first, second = findings(BAD["CZ206_from_zero"])
    assert first.message == (
        "Class 'Background' is number 1 and has the label value 0; 1 is expected."
    )
    assert second.at == XmlPath("/Model/TrainingClasses/Item[2]", 2)


def test_shared_values_name_all_their_classes() -> None:
    third = (
        '<Item colB="0" colG="0" colR="255" LabelValue="3" Name="Debris" />'
        '<Item colB="0" colG="0" colR="255" LabelValue="4" Name="Debris" /></TrainingClasses>'
    )
    by_colour, by_name = findings(metadata_xml(("</TrainingClasses>", third)))
    assert by_colour.message == (
        "The classes 'Background', 'Debris' and 'Debris' have the same colour, red 255, green 0, "
        "blue 0."
    )
    assert by_colour.at == XmlPath("/Model/TrainingClasses/Item[3]", 2)
    assert by_name.message == "The label values 3, 4 all belong to classes named 'Debris'."


@pytest.mark.parametrize("name", ["root", "Roots", "Plant Root"])
def test_only_the_reserved_name_is_reserved(name: str) -> None:
    assert findings(metadata_xml(("Nucleus", name))) == []


def test_a_single_class_is_named() -> None:
    assert only("CZ210_one_class").message == "The model has one class only, 'Background'."


def test_complex_colour_is_one_fault_only() -> None:
    # ConvertToMonochrome would be another one, were the type not impossible already.
    data = metadata_xml(("Gray16", "Bgr192ComplexFloat"))
    assert [finding.code for finding in findings(data)] == ["CZ211"]


def test_none_is_a_known_postprocessing() -> None:
    data = metadata_xml(("<Postprocessing />", "<Postprocessing> None </Postprocessing>"))
    assert findings(data) == []


@pytest.mark.parametrize(
    "name", ["a\\b", "/data/net", "./net", "../net", "~/net", "C:net", "nets/", "a/b/c"]
)
def test_names_that_look_like_paths(name: str) -> None:
    assert [finding.code for finding in findings(metadata_xml(("Nuclei", name)))] == ["CZ214"]


@pytest.mark.parametrize("name", ["DAPI/GFP", "Nuclei 2.1", "A: nuclei or not", "n / a", "~Nuclei"])
def test_names_that_do_not(name: str) -> None:
    assert findings(metadata_xml(("Nuclei", name))) == []


def test_messages_use_every_field() -> None:
    for name, data in BAD.items():
        for finding in findings(data):
            template = RULES[finding.code].says
            used = {field for _, field, _, _ in string.Formatter().parse(template) if field}
            assert used <= {field for field, _ in finding.fields}, name
