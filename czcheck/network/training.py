"""Operations that belong to training: random draws, batch statistics, updates of variables."""

from __future__ import annotations

from collections.abc import Iterator

from czcheck.network.dataflow import Point, input_of, settle
from czcheck.network.facts import NodeUse
from czcheck.network.graph import SavedGraph

_RANDOM = frozenset(
    {
        "AllCandidateSampler",
        "FixedUnigramCandidateSampler",
        "LearnedUnigramCandidateSampler",
        "LogUniformCandidateSampler",
        "Multinomial",
        "NonDeterministicInts",
        "ParameterizedTruncatedNormal",
        "RandomCrop",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "SampleDistortedBoundingBox",
        "SampleDistortedBoundingBoxV2",
        "StatefulRandomBinomial",
        "StatefulStandardNormal",
        "StatefulStandardNormalV2",
        "StatefulTruncatedNormal",
        "StatefulUniform",
        "StatefulUniformFullInt",
        "StatefulUniformInt",
        "ThreadUnsafeUnigramCandidateSampler",
        "TruncatedNormal",
        "UniformCandidateSampler",
    }
)
# Always the same numbers for the same seed: input 1, or for the second version the key.
_SEEDED = ("StatelessRandom", "StatelessTruncatedNormal", "StatelessMultinomial")
_NO_DRAW = frozenset(
    {"StatelessRandomGetAlg", "StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg"}
)
_NORMALISES = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
# Running averages and optimizers; inference only reads its variables.
_UPDATES = frozenset(
    {
        "Assign",
        "AssignAdd",
        "AssignAddVariableOp",
        "AssignSub",
        "AssignSubVariableOp",
        "AssignVariableOp",
    }
)
_APPLIES = ("ResourceApply", "ResourceSparseApply", "ResourceScatter")


def random_nodes(graph: SavedGraph) -> Iterator[NodeUse]:
    """Nodes reached by the serving signature whose numbers differ from call to call.

    A draw with a seed is left out where the seed is a constant in the same function.
    """
    for scope, node in graph.serving:
        op: str = node.op
        if op in _RANDOM:
            yield NodeUse(op, node.name, scope)
        elif op.startswith(_SEEDED) and op not in _NO_DRAW:
            seed = settle(graph, input_of(graph, Point(scope, node, 0, None), 1))
            if seed is not None and seed.node.op == "StatelessRandomGetKeyCounter":
                seed = settle(graph, input_of(graph, seed, 0))
            if seed is None or seed.node.op != "Const":
                yield NodeUse(op, node.name, scope)


def training_nodes(graph: SavedGraph) -> Iterator[NodeUse]:
    """Nodes reached by the serving signature that belong to training.

    Batch normalisations that use the tile's own statistics, and updates of variables, by which
    running averages are kept. Layer normalisation is written with the same operation as batch
    normalisation, over channels in the second dimension; it is left out.
    """
    for scope, node in graph.serving:
        op: str = node.op
        if op in _UPDATES or op.startswith(_APPLIES):
            yield NodeUse(op, node.name, scope)
        elif op in _NORMALISES:
            training = node.attr.get("is_training")
            layout = node.attr.get("data_format")
            channels_last = layout is None or layout.s in (b"", b"NHWC")
            if (training is None or training.b) and channels_last:
                yield NodeUse(op, node.name, scope)
