"""How far networks look and what they cost, read from graphs whose answer is known."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from czcheck.network import (
    StaticCost,
    StaticReach,
    read_network,
    static_cost,
    static_reach,
    trace_of,
)
from czcheck.network.facts import Network
from fixtures.graphs import CONV, FLOAT, Func, Graph, Type, spec
from fixtures.memory import MemoryFiles

INT32 = Type("int32")


class Chain(Graph):
    """A graph that is built layer by layer; each method adds one and returns its node.

    Attributes:
        size: Height and width of the tile.
    """

    def __init__(self, size: int = 64) -> None:
        super().__init__()
        self.size = size
        self.placeholder("image", (None, size, size, 1))
        self._count = 0

    def name(self, op: str) -> str:
        self._count += 1
        return f"{op}_{self._count}"

    def ints(self, *values: int) -> str:
        return self.const(self.name("ints"), list(values), (len(values),), "int32")

    def one(self, value: int) -> str:
        return self.const(self.name("int"), [value], (), "int32")

    def conv(self, x: str, size: int = 3, channels: tuple[int, int] = (1, 1), **attrs: Any) -> str:
        kernel = self.const(self.name("kernel"), [1.0], (size, size, *channels))
        return self.node(self.name("conv"), "Conv2D", x, kernel, **{**CONV, **attrs})

    def pool(self, x: str, size: int = 2, op: str = "MaxPool") -> str:
        square = [1, size, size, 1]
        attrs: dict[str, Any] = {"padding": "VALID", "data_format": "NHWC"}
        return self.node(self.name("pool"), op, x, T=FLOAT, ksize=square, strides=square, **attrs)

    def resize(self, x: str, size: int, op: str = "ResizeNearestNeighbor", **attrs: bool) -> str:
        return self.node(self.name("resize"), op, x, self.ints(size, size), T=FLOAT, **attrs)

    def transposed(self, x: str, size: int, step: int, sides: int, padding: str = "SAME") -> str:
        kernel = self.const(self.name("kernel"), [1.0], (sides, sides, 1, 1))
        shape = self.ints(1, size, size, 1)
        attrs = {**CONV, "strides": [1, step, step, 1], "padding": padding}
        return self.node(self.name("up"), "Conv2DBackpropInput", shape, kernel, x, **attrs)

    def reduce(self, op: str, x: str, *axes: int, keep: bool = True) -> str:
        places = self.ints(*axes)
        return self.node(self.name(op), op, x, places, T=FLOAT, Tidx=INT32, keep_dims=keep)

    def both(self, op: str, first: str, second: str) -> str:
        return self.node(self.name(op), op, first, second, T=FLOAT)

    def reshape(self, x: str, *sizes: int) -> str:
        return self.node(
            self.name("reshape"), "Reshape", x, self.ints(*sizes), T=FLOAT, Tshape=INT32
        )

    def transpose(self, x: str, *order: int) -> str:
        return self.node(self.name("turn"), "Transpose", x, self.ints(*order), T=FLOAT, Tperm=INT32)

    def read(self, answer: str) -> Network:
        shape = (None, self.size, self.size, 1)
        self.signature({"image": spec("image", shape)}, {"answer": spec(answer, shape)})
        network = read_network(MemoryFiles(self.files()))
        assert network.fault is None, network.fault
        return network

    def reach(self, answer: str) -> StaticReach:
        return static_reach(trace_of(self.read(answer)))

    def cost(self, answer: str) -> StaticCost:
        network = self.read(answer)
        found = static_cost(trace_of(network), network)
        assert found is not None
        return found


def unet(chain: Chain, depth: int, up: str) -> str:
    """Two convolutions on each level, down and up again."""
    x = "image"
    skips = []
    for _ in range(depth):
        x = chain.conv(chain.conv(x))
        skips.append(x)
        x = chain.pool(x)
    x = chain.conv(chain.conv(x))
    for level in reversed(range(depth)):
        size = chain.size >> level
        if up == "transposed":
            x = chain.transposed(x, size, 2, 2)
        else:
            x = chain.resize(x, size, up, half_pixel_centers=up == "ResizeBilinear")
        joined = chain.node(
            chain.name("concat"),
            "ConcatV2",
            x,
            skips[level],
            chain.one(3),
            T=FLOAT,
            Tidx=INT32,
            N=2,
        )
        x = chain.conv(chain.conv(joined, channels=(2, 1)))
    return x


def everywhere(pixels: int) -> tuple[int, int, int, int]:
    return (pixels,) * 4


def test_two_convolutions_of_three_pixels_look_two_pixels_far() -> None:
    chain = Chain()
    found = chain.reach(chain.conv(chain.conv("image")))
    assert (found.bound, found.stride, found.kind) == (everywhere(2), 1, "local")
    assert found.because is None


@pytest.mark.parametrize(("depth", "pixels"), [(1, 9), (2, 23), (3, 51)])
@pytest.mark.parametrize("up", ["transposed", "ResizeNearestNeighbor"])
def test_unets_look_as_far_as_perturbing_them_shows(depth: int, pixels: int, up: str) -> None:
    chain = Chain(128)
    found = chain.reach(unet(chain, depth, up))
    assert (found.bound, found.stride, found.kind) == (everywhere(pixels), 2**depth, "local")


def test_bilinear_unet() -> None:
    chain = Chain(128)
    assert chain.reach(unet(chain, 3, "ResizeBilinear")).bound == everywhere(58)


def test_a_large_kernel() -> None:
    chain = Chain()
    assert chain.reach(chain.conv("image", 41)).bound == everywhere(20)


def test_padding_of_an_even_kernel_and_of_a_stride_is_told_apart_by_edge() -> None:
    chain = Chain()
    assert chain.reach(chain.conv("image", 4)).bound == (1, 2, 1, 2)
    chain = Chain()
    small = chain.conv("image", 5, strides=[1, 4, 4, 1])
    found = chain.reach(chain.transposed(small, 64, 4, 4))
    assert (found.bound, found.stride) == ((3, 4, 3, 4), 4)


def test_dilation_as_an_attribute_and_as_blocks_of_the_batch() -> None:
    chain = Chain()
    assert chain.reach(chain.conv("image", dilations=[1, 4, 4, 1])).bound == everywhere(4)
    chain = Chain()
    block, pads, crops = chain.ints(4, 4), chain.name("pads"), chain.name("crops")
    chain.const(pads, [4, 4, 4, 4], (2, 2), "int32")
    chain.const(crops, [0, 0, 0, 0], (2, 2), "int32")
    types = {"T": FLOAT, "Tblock_shape": INT32}
    dealt = chain.node("dealt", "SpaceToBatchND", "image", block, pads, Tpaddings=INT32, **types)
    conv = chain.conv(dealt, padding="VALID")
    back = chain.node("back", "BatchToSpaceND", conv, block, crops, Tcrops=INT32, **types)
    found = chain.reach(back)
    assert (found.bound, found.stride) == (everywhere(4), 1)


def test_padding_and_cutting_by_hand_is_padding() -> None:
    chain = Chain()
    chain.const("pads", [0, 0, 1, 1, 1, 1, 0, 0], (4, 2), "int32")
    padded = chain.node("padded", "Pad", "image", "pads", T=FLOAT, Tpaddings=INT32)
    assert chain.reach(chain.conv(padded, padding="VALID")).bound == everywhere(1)


def test_pixels_in_channels_and_back() -> None:
    chain = Chain()
    attrs: dict[str, Any] = {"T": FLOAT, "block_size": 4, "data_format": "NHWC"}
    deep = chain.node("deep", "SpaceToDepth", "image", **attrs)
    found = chain.reach(chain.node("flat", "DepthToSpace", deep, **attrs))
    assert (found.bound, found.stride) == (everywhere(3), 4)


def test_enlarging_by_repeated_rows_as_keras_writes_it() -> None:
    chain = Chain()
    small = chain.pool("image")
    tall = chain.reshape(small, 1, 32, 1, 32, 1)
    twice = chain.node("twice", "Tile", tall, chain.ints(1, 1, 2, 1, 1), T=FLOAT, Tmultiples=INT32)
    rows = chain.reshape(twice, 1, 64, 32, 1, 1)
    wide = chain.node("wide", "Tile", rows, chain.ints(1, 1, 1, 2, 1), T=FLOAT, Tmultiples=INT32)
    found = chain.reach(chain.reshape(wide, 1, 64, 64, 1))
    assert (found.bound, found.stride) == (everywhere(1), 2)


def test_channels_first_is_followed_through_its_transpositions() -> None:
    chain = Chain()
    turned = chain.transpose("image", 0, 3, 1, 2)
    conv = chain.conv(turned, data_format="NCHW")
    assert chain.reach(chain.transpose(conv, 0, 2, 3, 1)).bound == everywhere(1)


def standardised(chain: Chain, x: str) -> str:
    centred = chain.both("Sub", x, chain.reduce("Mean", x, 1, 2, 3))
    square = chain.both("Mul", centred, centred)
    return chain.both("RealDiv", centred, chain.reduce("Mean", square, 1, 2, 3))


def test_statistics_of_the_input_leave_the_local_reach() -> None:
    chain = Chain()
    found = chain.reach(chain.conv(chain.conv(standardised(chain, "image"))))
    assert (found.bound, found.kind) == (everywhere(2), "global-input")
    assert found.because is not None
    assert found.because.op == "Mean"


def test_statistics_of_features_are_inside() -> None:
    chain = Chain()
    found = chain.reach(chain.conv(standardised(chain, chain.conv("image"))))
    assert (found.bound, found.kind) == (everywhere(2), "global-inside")


def flattened(chain: Chain) -> str:
    pixels = chain.size * chain.size
    flat = chain.reshape("image", 1, pixels)
    kernel = chain.const("dense", [1.0], (pixels, 1))
    dense = chain.node("product", "MatMul", flat, kernel, T=FLOAT)
    return chain.both("AddV2", chain.reshape(dense, 1, 1, 1, 1), "image")


def attention(chain: Chain) -> str:
    pixels = chain.size * chain.size
    tokens = chain.reshape("image", 1, pixels, 1)
    scores = chain.node("scores", "BatchMatMulV2", tokens, tokens, T=FLOAT, adj_y=True)
    weights = chain.node("weights", "Softmax", scores, T=FLOAT)
    mixed = chain.node("mixed", "BatchMatMulV2", weights, tokens, T=FLOAT)
    return chain.reshape(mixed, 1, chain.size, chain.size, 1)


def pooled_whole(chain: Chain) -> str:
    mean = chain.pool(chain.conv("image"), chain.size, "AvgPool")
    return chain.both("Mul", chain.conv("image"), mean)


def resized_to_one(chain: Chain) -> str:
    return chain.resize(chain.resize(chain.conv("image"), 1, "ResizeBilinear"), chain.size)


def turned(chain: Chain) -> str:
    return chain.both("AddV2", "image", chain.transpose("image", 0, 2, 1, 3))


@pytest.mark.parametrize(
    "build", [flattened, attention, pooled_whole, resized_to_one, turned], ids=lambda f: f.__name__
)
def test_whatever_looks_at_the_whole_tile_is_global(build: Callable[[Chain], str]) -> None:
    chain = Chain(16)
    found = chain.reach(build(chain))
    assert found.kind == "global-inside"
    assert found.because is not None


def test_a_dense_layer_at_each_pixel_is_local() -> None:
    chain = Chain(16)
    flat = chain.reshape("image", 256, 1)
    kernel = chain.const("dense", [1.0], (1, 1))
    dense = chain.node("product", "MatMul", flat, kernel, T=FLOAT)
    found = chain.reach(chain.conv(chain.reshape(dense, 1, 16, 16, 1)))
    assert (found.bound, found.kind) == (everywhere(1), "local")


def test_what_is_not_understood_is_named() -> None:
    chain = Chain()
    chain.node("odd", "Roll", chain.conv("image"), chain.one(1), chain.one(1), T=FLOAT)
    found = chain.reach(chain.conv("odd"))
    assert (found.bound, found.kind) == (None, "unknown")
    assert found.because is not None
    assert (found.because.op, found.because.name) == ("Roll", "odd")


def test_what_is_not_reached_does_not_matter() -> None:
    chain = Chain()
    chain.node("odd", "Roll", "image", chain.one(1), chain.one(1), T=FLOAT)
    assert chain.reach(chain.conv("image")).kind == "local"


def test_functions_and_variables_are_followed() -> None:
    chain = Chain()
    kernel = chain.variable("kernel", [1.0], (7, 7, 1, 1))
    chain.saver()
    types = {"x": "float32", "handle": "resource"}
    body = chain.function("body", types, {"y": "float32"})
    body.node("read", "ReadVariableOp", "handle", dtype=FLOAT)
    body.node("conv", "Conv2D", "x", "read:value:0", **CONV)
    body.returns(y="conv:output:0")
    both = [FLOAT, Type("resource")]
    attrs: dict[str, Any] = {"f": Func("body"), "Tin": both, "Tout": [FLOAT]}
    inner = chain.node("inner", "PartitionedCall", "image", kernel.partition("/")[0], **attrs)
    outer = chain.node("outer", "StatefulPartitionedCall", inner, "kernel", **attrs)
    assert chain.reach(outer).bound == everywhere(6)


def choosing(chain: Chain, condition: str) -> StaticReach:
    for name, size in (("narrow", 3), ("wide", 5)):
        body = chain.function(name, {"x": "float32"}, {"y": "float32"})
        body.const("kernel", [1.0], (size, size, 1, 1))
        body.node("conv", "Conv2D", "x", "kernel:output:0", **CONV)
        body.returns(y="conv:output:0")
    branches = {"then_branch": Func("narrow"), "else_branch": Func("wide")}
    types: dict[str, Any] = {"Tcond": Type("bool"), "Tin": [FLOAT], "Tout": [FLOAT]}
    return chain.reach(chain.node("choice", "StatelessIf", condition, "image", **branches, **types))


def test_the_wider_of_two_branches_counts_and_a_look_at_the_tile_to_choose() -> None:
    chain = Chain()
    found = choosing(chain, chain.const("always", [True], (), "bool"))
    assert (found.bound, found.kind) == (everywhere(2), "local")
    chain = Chain()
    mean = chain.reduce("Mean", "image", 0, 1, 2, 3, keep=False)
    bright = chain.both("Greater", mean, chain.const("bound", [0.5], ()))
    found = choosing(chain, bright)
    assert (found.bound, found.kind) == (everywhere(2), "global-input")


def looping(chain: Chain, op: str) -> StaticReach:
    state = {"x": "float32"}
    condition = chain.function("condition", state, {"go_on": "bool"})
    condition.const("yes", [True], (), "bool")
    condition.returns(go_on="yes:output:0")
    body = chain.function("body", state, {"y": "float32"})
    body.const("kernel", [1.0], (3, 3, 1, 1))
    if op == "Conv2D":
        body.node("step", "Conv2D", "x", "kernel:output:0", **CONV)
    else:
        body.node("step", op, "x", T=FLOAT)
    body.returns(y="step:output:0" if op == "Conv2D" else "step:y:0")
    attrs: dict[str, Any] = {"T": [FLOAT], "cond": Func("condition"), "body": Func("body")}
    return chain.reach(chain.node("loop", "StatelessWhile", "image", **attrs))


def test_a_loop_is_understood_where_it_looks_no_farther_each_time() -> None:
    assert looping(Chain(), "Tanh").bound == everywhere(0)
    found = looping(Chain(), "Conv2D")
    assert found.kind == "unknown"
    assert found.because is not None
    assert found.because.op == "StatelessWhile"


def test_a_graph_that_multiplies_is_given_up_soon() -> None:
    chain = Chain()
    for level in range(17):
        body = chain.function(f"f{level}", {"x": "float32"}, {"y": "float32"})
        op = f"f{level - 1}" if level else "Tanh"
        body.node("a", op, "x", T=FLOAT)
        body.node("b", op, "a:y:0", T=FLOAT)
        body.returns(y="b:y:0")
    answer = chain.node("call", "f16", "image")
    begin = time.process_time()
    found = chain.reach(answer)
    assert time.process_time() - begin < 20
    assert (found.kind, found.bound) == ("unknown", None)
    assert "too large" in found.reason


@pytest.mark.parametrize("stride", [1 << 40, 2**63 - 1])
def test_strides_that_no_network_has_are_not_followed(stride: int) -> None:
    chain = Chain()
    x = chain.conv("image", strides=[1, stride, stride, 1])
    assert chain.reach(chain.conv(x)).kind in ("unknown", "global-inside")
    assert chain.reach(chain.transposed("image", 64, stride, 3)).kind == "unknown"


def test_graphs_at_odds_with_themselves_are_not_understood() -> None:
    chain = Chain()
    flat = chain.const("flat", [1.0], (4,))
    line = chain.reshape("image", 4096)
    damaged = chain.node("damaged", "Conv2D", line, flat, **CONV)
    assert chain.reach(damaged).kind == "unknown"
    chain = Chain()
    deep = chain.reshape("image", *[1] * 38, 64, 64)
    assert chain.reach(chain.node("deep", "BatchMatMulV2", deep, deep, T=FLOAT)).kind == "unknown"
    chain = Chain()
    nothing = chain.node("nothing", "ConcatV2", T=FLOAT, Tidx=INT32, N=0)
    assert chain.reach(chain.both("AddV2", "image", nothing)).kind == "unknown"


# --- cost -----------------------------------------------------------------------------------------


def test_multiply_adds_of_convolutions() -> None:
    chain = Chain()
    wide = chain.conv("image", 3, (1, 8))
    small = chain.conv(wide, 5, (8, 2), strides=[1, 2, 2, 1])
    found = chain.cost(small)
    assert found.multiply_adds == 64 * 64 * 9 * 8 + 32 * 32 * 25 * 8 * 2
    assert found.weight_bytes == 4 * (9 * 8 + 25 * 8 * 2)
    assert found.unknown == ()


def test_memory_is_that_of_the_widest_place() -> None:
    chain = Chain()
    plane = 64 * 64 * 4
    wide = chain.conv("image", 1, (1, 8))
    rectified = chain.node("relu", "Relu", wide, T=FLOAT)
    narrow = chain.conv(rectified, 1, (8, 1))
    assert chain.cost(narrow).activation_bytes == 9 * plane
    # What is joined later has to be kept meanwhile; the activation takes the place of its input.
    chain = Chain()
    wide = chain.conv("image", 1, (1, 8))
    rectified = chain.node("relu", "Relu", wide, T=FLOAT)
    narrow = chain.conv(rectified, 1, (8, 1))
    assert chain.cost(chain.both("AddV2", narrow, "image")).activation_bytes == 10 * plane


def test_operations_of_unknown_cost_are_named() -> None:
    chain = Chain()
    chain.node("odd", "Roll", chain.conv("image"), chain.one(1), chain.one(1), T=FLOAT)
    found = chain.cost(chain.conv("odd"))
    assert found.unknown == ("Roll",)
    assert found.multiply_adds == 64 * 64 * 9
