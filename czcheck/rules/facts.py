"""The facts that rules may name as parameters: what each is, and how deep it reads the file."""

from __future__ import annotations

from typing import NamedTuple

from czcheck.rules.declaring import Level


class Fact(NamedTuple):
    """One fact.

    Attributes:
        level: First level at which a rule may read it.
        kind: Its type, as module and name.
        what: What it is, in one line.
    """

    level: Level
    kind: str
    what: str


_ARCHIVE, _METADATA, _NETWORK, _RUN = Level

# Where they come from: `czcheck.verifying.gathering.facts_of`.
FACTS: dict[str, Fact] = {
    "archive": Fact(_ARCHIVE, "czcheck.archive.reader.Archive", "members and their bytes"),
    "archives": Fact(
        _ARCHIVE,
        "czcheck.rules.container.Archives",
        "the archive and the payload's own, each with its name",
    ),
    "container": Fact(
        _ARCHIVE, "czcheck.archive.container.Container", "the roles of the members, and the ids"
    ),
    "payload": Fact(_ARCHIVE, "czcheck.archive.container.Payload", "the packed network"),
    "model_payload": Fact(
        _ARCHIVE, "czcheck.archive.container.Payload | None", "the same; None where there is none"
    ),
    "plugins": Fact(
        _ARCHIVE, "tuple[czcheck.rules.plugins.Plugin, ...]", "packages that add rules"
    ),
    "waivers": Fact(
        _ARCHIVE,
        "tuple[czcheck.rules.finding.WaiverUse, ...]",
        "waivers, and whether they match findings; such rules run last, when all files are known",
    ),
    "specification": Fact(
        _ARCHIVE, "czcheck.specification.Specification", "a JSON specification as it was read"
    ),
    "document": Fact(
        _METADATA, "czcheck.metadata.document.XmlDocument", "the Model XML as it was parsed"
    ),
    "metadata": Fact(
        _METADATA, "czcheck.ModelMetadata", "the content of the Model XML or the specification"
    ),
    "saved_model": Fact(
        _NETWORK, "czcheck.network.facts.Network", "the network, however large its graph is"
    ),
    "network": Fact(
        _NETWORK,
        "czcheck.network.facts.Network",
        "signature, operations, variables, shapes, reach",
    ),
    "safety": Fact(
        _NETWORK, "czcheck.network.safety.Safety", "findings of the scan before the run"
    ),
    "static_cost": Fact(
        _NETWORK, "czcheck.network.cost.StaticCost | None", "multiply-adds and memory of a tile"
    ),
    "kernel_faults": Fact(
        _NETWORK,
        "tuple[czcheck.network.kernels.KernelFault, ...]",
        "what the target's kernels refuse or compute differently",
    ),
    "allow_op": Fact(
        _NETWORK, "collections.abc.Collection[str]", "operations that the user allows"
    ),
    "target": Fact(
        _NETWORK, "czcheck.network.target.Target", "the runtime that the network has to load in"
    ),
    "run": Fact(_RUN, "czcheck.runtime.record.RunRecord", "measurements of the run on test tiles"),
    "borders": Fact(
        _RUN, "czcheck.runtime.record.RunRecord", "the same, where borders were measured"
    ),
    "budgets": Fact(_RUN, "czcheck.runtime.limits.Budgets", "what the network may cost"),
    "tolerances": Fact(_RUN, "czcheck.tolerances.Tolerances", "tolerances of the checks"),
    "elsewhere": Fact(
        _RUN, "czcheck.runtime.compare.RuntimeComparison", "the outputs of `--runtime`, compared"
    ),
    "evaluation": Fact(_RUN, "czcheck.figures.record.Evaluation", "the figures on labelled images"),
    "goals": Fact(_RUN, "czcheck.figures.record.Goals", "the goals for these figures"),
    "baseline": Fact(
        _RUN, "czcheck.runtime.baseline.BaselineComparison", "the outputs of `--baseline`, compared"
    ),
}
