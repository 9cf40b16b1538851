"""The facts that rules read, and what a report shows of a file besides its findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import czcheck.network
from czcheck.errors import IncompleteError, NotApplicableError, UnavailableError
from czcheck.options import Options
from czcheck.planned.ends import binary_of, ending_of
from czcheck.report.examined import (
    BaselineSummary,
    BinarySummary,
    FileSummary,
    MetadataSummary,
    NetworkSummary,
    RunSummary,
    RuntimeSummary,
    typed,
)
from czcheck.rules.catalogue import WAIVERS, catalogue
from czcheck.rules.declaring import Level
from czcheck.rules.engine import Facts
from czcheck.rules.plugins import plugins as all_plugins
from czcheck.rules.plugins import unusable
from czcheck.specification import (
    IS_ARCHIVE,
    IS_SPECIFICATION,
    SpecModel,
    is_keras_file,
    specification_of,
)
from czcheck.text import sizes
from czcheck.verifying.running import FileRun, payload_of

if TYPE_CHECKING:
    from czcheck.figures.record import Evaluation, Goals
    from czcheck.model import Model
    from czcheck.network.facts import Network, TensorSpec
    from czcheck.rules.container import Archives
    from czcheck.rules.declaring import Rule
    from czcheck.rules.plugins import Plugin
    from czcheck.runtime.baseline import BaselineComparison
    from czcheck.runtime.compare import RuntimeComparison, TileComparison
    from czcheck.runtime.record import RunRecord

_XML_RULES = ("CZ201", "CZ202", "CZ203", "CZ204", "CZ205")
# What a build has no part of: further files, Keras's own data, further graphs, objects, versions.
_LEFT_BEHIND = ("CZ322", "CZ334", "CZ336", "CZ338", "CZ339")
_NOT_TAKEN_OVER = "left behind by `czcheck build`"
_LOWERED = "left to `czcheck build`: what the target runtime gets has to be lowered first"
_IS_KERAS = "left to `czcheck build`: a Keras file has to be exported first"
_OF_NETWORKS = ("network", "run")


def facts_of(
    model: Model,
    options: Options,
    run: FileRun | None = None,
    labelled: tuple[Evaluation, Goals] | None = None,
) -> Facts:
    """The facts that rules may name as parameters.

    Args:
        model: The opened archive.
        options: Its options.
        run: The run of its network; None where it is not run.
        labelled: What the model did on labelled images in place of test tiles, and what it has to
            do there; None where there are none.

    Returns:
        Facts, none of them worked out yet.
    """

    def archives() -> Archives:
        both = [("", model.archive)]
        payload = payload_of(model)
        if payload is not None and payload.files is not None:
            both.append((payload.member, payload.files.archive))
        return tuple(both)

    def target_runtime() -> Any:
        return czcheck.network.load_target(options.target)

    def network() -> Network:
        if model.network.beyond_limits:
            raise UnavailableError("the graph is too large, or contains cycles")
        return model.network

    def plugins() -> tuple[Plugin, ...]:
        if broken := unusable():
            raise IncompleteError("; ".join(map(str, broken)))
        return all_plugins()

    not_requested = {}
    if run is None or options.runtime is None:
        not_requested["elsewhere"] = "no --runtime given"
    if run is None or options.baseline is None:
        not_requested["baseline"] = "no --baseline given"
    if not options.budgets.given:
        not_requested["budgets"] = "no budget was given"
    if labelled is None:
        not_requested["evaluation"] = "no labelled images were given; see czcheck evaluate"
    else:
        not_requested["run"] = not_requested["borders"] = (
            "labelled images were run, and no test tiles"
        )
    facts = Facts(
        {
            "archive": lambda: model.archive,
            "archives": archives,
            "container": lambda: model.container,
            "payload": lambda: model.payload,
            "model_payload": lambda: payload_of(model),
            "document": lambda: model.document,
            "metadata": lambda: model.metadata,
            "saved_model": lambda: model.network,
            "network": network,
            "safety": lambda: model.safety,
            "static_cost": lambda: model.cost,
            "kernel_faults": lambda: model.kernel_faults(facts["target"]),
            "allow_op": lambda: options.allow_op,
            "target": target_runtime,
            "run": run.record if run is not None else lambda: None,
            "elsewhere": run.elsewhere if run is not None else lambda: None,
            "baseline": run.against_baseline if run is not None else lambda: None,
            "borders": lambda: with_borders(facts["run"]),
            "budgets": lambda: options.budgets,
            "plugins": plugins,
            WAIVERS: lambda: (),  # known when all files are checked
            "tolerances": lambda: options.tolerances.at(model.network.precision),
            "evaluation": lambda: labelled and labelled[0],
            "goals": lambda: labelled and labelled[1],
            "specification": lambda: specification_of(model),
        },
        not_requested,
        _inapplicable(model, catalogue()),
    )
    return facts


def _inapplicable(model: Model, codes: Mapping[str, Rule]) -> dict[str, str]:
    """Rules that say nothing about this kind of file, with the reason."""
    if not isinstance(model, SpecModel):
        return {"CZ220": IS_ARCHIVE}
    container = [code for code in codes if code.startswith("CZ1")]
    found = dict.fromkeys([*container, *_XML_RULES], IS_SPECIFICATION)
    found.update(dict.fromkeys(_LEFT_BEHIND, _NOT_TAKEN_OVER))
    found.update({code: _LOWERED for code, rule in codes.items() if "target" in rule.needs})
    spec = model.reading.spec
    if spec is not None and is_keras_file(spec.model_path):
        deep = {code for code, rule in codes.items() if rule.level.value in _OF_NETWORKS}
        found.update(dict.fromkeys(sorted(deep), _IS_KERAS))
    return found


def with_borders(record: RunRecord) -> RunRecord:
    """A run whose borders were measured, for the rules about them.

    Args:
        record: What the run showed.

    Raises:
        NotApplicableError: There was nothing to measure.
    """
    orientation = None if record.behaviour is None else record.behaviour.orientation
    if orientation is not None and orientation.wrong:
        raise NotApplicableError("the output is rotated or mirrored, see CZ421")
    if record.reach is None:
        raise NotApplicableError(
            "borders are measured on tiles of 64 pixels and more whose output varies"
        )
    return record


def examined(model: Model, level: Level, facts: Facts) -> FileSummary:
    """The contents of the file and the measurements, as far as it could be read.

    Args:
        model: The opened archive.
        level: Deepest level that was checked.
        facts: What the rules have read.
    """
    members = metadata = network = left = None
    with suppress(UnavailableError):  # a specification has none
        members = len(model.archive.members)
    if level.depth >= Level.METADATA.depth:
        with suppress(UnavailableError):
            read = model.metadata
            metadata = MetadataSummary(read.version, read.name, read.model_id, len(read.classes))
    if level.depth >= Level.NETWORK.depth:
        with suppress(UnavailableError):
            network = _network_summary(model.network)
            network = network._replace(binary=_binary(model))
        left = model.left_to_build(run=level is Level.RUN)
    return FileSummary(members, metadata, network, left, _run_summary(facts))


def _run_summary(facts: Facts) -> RunSummary | None:
    """The run and what its outputs were compared with; None where no rule has read it."""
    run: RunRecord | None = facts.known("run")
    if run is None:
        return None
    elsewhere: RuntimeComparison | None = facts.known("elsewhere")
    against: BaselineComparison | None = facts.known("baseline")
    return RunSummary(
        len(run.answers),
        run.tile_runs,
        run.environment.tensorflow,
        run.environment.python,
        run.environment.backend,
        run.environment.isolation,
        run.environment.reason,
        behaviour=None if run.behaviour is None else run.behaviour.to_json(),
        cost=None if run.cost is None else typed("cost", run.cost.to_json()),
        border=None if run.reach is None else typed("border", run.reach.to_json()),
        offsets=None if run.offsets is None else run.offsets.to_json(),
        runtime=None
        if elsewhere is None
        else RuntimeSummary(
            elsewhere.environment.tensorflow,
            elsewhere.environment.python,
            *_worst(elsewhere.tiles),
        ),
        baseline=None
        if against is None
        else BaselineSummary(
            against.baseline.model_id, against.baseline.sha256, *_worst(against.tiles)
        ),
    )


def _worst(tiles: Sequence[TileComparison]) -> tuple[int, float | None, float | None]:
    """Tiles compared, the smallest agreement of labels and the largest change."""
    found = [tile.comparison for tile in tiles]
    return (
        len(found),
        min((each.agreement for each in found), default=None),
        max((each.change for each in found), default=None),
    )


def _binary(model: Model) -> BinarySummary | None:
    """Which class gets p and which 1 - p, where one channel was made two."""
    names = [each.name for each in model.metadata.classes]
    found = binary_of(ending_of(model.network), (), names)
    return None if found is None else BinarySummary(found.p, found.rest)


def _network_summary(network: Network) -> NetworkSummary:
    def shape(spec: TensorSpec | None) -> str:
        if spec is None or spec.shape is None:
            return "?"
        return sizes(spec.shape[1:])

    return NetworkSummary(
        shape(network.input),
        shape(network.output),
        network.parameters,
        network.tensorflow_version or "?",
    )
