"""The facts that rules read, and what is said of a file beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import czcheck.network
from czcheck.configuration.applying import POLICY, Policy
from czcheck.errors import IncompleteError, NotApplicableError, UnavailableError
from czcheck.planned.ending import binary_of, ending_of
from czcheck.rules.catalogue import Level, catalogue
from czcheck.rules.engine import Facts
from czcheck.rules.plugins import plugins as all_plugins
from czcheck.rules.plugins import unusable
from czcheck.specification import inapplicable, specification_of
from czcheck.tolerances import DEFAULT_TOLERANCES, Tolerances
from czcheck.verifying.comparisons import Comparisons

if TYPE_CHECKING:
    from czcheck.archive.container import Payload
    from czcheck.evaluating.record import Evaluation, Goals
    from czcheck.model import CzModel
    from czcheck.network.facts import Network, TensorSpec
    from czcheck.planned.ending import Binary
    from czcheck.rules.container import Archives
    from czcheck.rules.plugins import Plugin
    from czcheck.runtime.limits import Budgets
    from czcheck.runtime.record import RunRecord


def facts_of(
    model: CzModel,
    target: str,
    run: Callable[[], Any],
    allow_op: Collection[str] = (),
    budgets: Budgets | None = None,
    comparisons: Comparisons | None = None,
    tolerances: Tolerances = DEFAULT_TOLERANCES,
    labelled: tuple[Evaluation, Goals] | None = None,
) -> Facts:
    """The facts that rules may name as parameters.

    Args:
        model: The opened archive.
        target: Runtime that the network is held to.
        run: Yields the record of the run.
        allow_op: Operations that the user admits.
        budgets: What the network may cost.
        comparisons: What its answers are held against.
        tolerances: How far answers may be off.
        labelled: What the model did on labelled images in place of test tiles, and what it has to
            do there; None where it was asked test tiles, or nothing.

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
        return czcheck.network.load_target(target)

    def network() -> Network:
        if model.network.beyond_limits:
            raise UnavailableError("the graph is too large, or runs in circles")
        return model.network

    def plugins() -> tuple[Plugin, ...]:
        if broken := unusable():
            raise IncompleteError("; ".join(map(str, broken)))
        return all_plugins()

    comparisons = comparisons or Comparisons(model)
    not_asked = comparisons.not_asked
    if budgets is None or not budgets.given:
        not_asked["budgets"] = "no budget was given"
    if labelled is None:
        not_asked["evaluation"] = "no labelled images were given; see czcheck evaluate"
    else:
        not_asked["run"] = not_asked["borders"] = "labelled images were run, and no test tiles"
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
            "allow_op": lambda: allow_op,
            "target": target_runtime,
            "run": run,
            "borders": lambda: with_borders(facts["run"]),
            "budgets": lambda: budgets,
            "plugins": plugins,
            POLICY: Policy,  # what there is to say of it is known when all files are checked
            "tolerances": lambda: tolerances.at(model.network.precision),
            "evaluation": lambda: labelled and labelled[0],
            "goals": lambda: labelled and labelled[1],
            "specification": lambda: specification_of(model),
            **comparisons.sources,
        },
        not_asked,
        inapplicable(model, catalogue()),
    )
    return facts


def with_borders(record: RunRecord) -> RunRecord:
    """A run whose borders were measured, for the rules about them.

    Args:
        record: What the run showed.

    Raises:
        NotApplicableError: There was nothing to measure.
    """
    orientation = None if record.behaviour is None else record.behaviour.orientation
    if orientation is not None and orientation.wrong:
        raise NotApplicableError("the answer does not lie where the tile does, see CZ421")
    if record.reach is None:
        raise NotApplicableError(
            "borders are measured on tiles of 64 pixels and more whose answer varies"
        )
    return record


def payload_of(model: CzModel) -> Payload | None:
    """The payload, or None where there is none that can be read."""
    try:
        return model.payload
    except UnavailableError:
        return None


def looked_at(
    model: CzModel, level: Level, run: RunRecord | None, comparisons: Comparisons
) -> dict[str, Any]:
    """What the file holds and what was done with it, as far as it could be read.

    Args:
        model: The opened archive.
        level: Deepest level that was checked.
        run: What running it showed; None if it was not run.
        comparisons: What its answers were held against.

    Returns:
        Plain data, as `looked_at` in `schemas/report.schema.json`.
    """
    facts: dict[str, Any] = {}
    with suppress(UnavailableError):  # a specification has none
        facts["members"] = len(model.archive.members)
    if level.depth >= Level.METADATA.depth:
        with suppress(UnavailableError):
            metadata = model.metadata
            facts["metadata"] = {
                "version": metadata.version,
                "name": metadata.name,
                "id": metadata.model_id,
                "classes": len(metadata.classes),
            }
    if level.depth >= Level.NETWORK.depth:
        with suppress(UnavailableError):
            facts["network"] = _network_facts(model.network)
            if (binary := _binary(model)) is not None:
                facts["network"]["binary"] = {"p": binary.p, "rest": binary.rest}
        left = model.left_to_build(run=level is Level.RUN)
        if left is not None:
            facts["left_to_build"] = left
    if run is not None:
        facts["run"] = {
            "tiles": len(run.answers),
            "tile_runs": run.tile_runs,
            "tensorflow": run.environment.tensorflow,
            "python": run.environment.python,
            "isolation": run.environment.isolation,
        }
        if run.behaviour is not None:
            facts["run"]["behaviour"] = run.behaviour.to_json()
        if run.cost is not None:
            facts["run"]["cost"] = run.cost.to_json()
        if run.reach is not None:
            facts["run"]["border"] = run.reach.to_json()
        if run.offsets is not None:
            facts["run"]["offsets"] = run.offsets.to_json()
        facts["run"].update(comparisons.looked_at())
    return facts


def _binary(model: CzModel) -> Binary | None:
    """Which class gets p and which 1 - p, where one channel was made two."""
    names = [each.name for each in model.metadata.classes]
    return binary_of(ending_of(model.network), (), names)


def _network_facts(network: Network) -> dict[str, Any]:
    def shape(spec: TensorSpec | None) -> str:
        if spec is None or spec.shape is None:
            return "?"
        return "x".join("?" if size is None else str(size) for size in spec.shape[1:])

    return {
        "input": shape(network.input),
        "output": shape(network.output),
        "parameters": network.parameters,
        "tensorflow": network.tensorflow_version or "?",
    }
