"""CZ3xx: the network, read without running it: file, signature, tile, channels, classes, border."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from czcheck.planned.ends import about_channels, ending_of
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, InGraph, InMember, Severity, XmlPath
from czcheck.text import count, sizes

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.facts import Dims, Network, Signature, TensorSpec

SERVING_DEFAULT = "serving_default"
ERROR, WARNING = Severity.ERROR, Severity.WARNING


@rule("CZ301", severity=ERROR, level=Level.NETWORK)
def saved_model_is_readable(network: Network) -> Iterator[Found]:
    """The network cannot be read.

    Says: The network cannot be read: {fault}.
    Why: Neither ZEN nor any other program can load it, or reading it would take more memory or time
        than a legitimate network needs.
    Fix: Export the network again from TensorFlow, with the tag `serve`, and pack the complete
        folder.
    Format: 1.5, payload
    """
    if network.fault is not None:
        at = InMember(network.fault_file) if network.fault_file else None
        yield Found(at, fault=network.fault)


@rule("CZ302", severity=ERROR, level=Level.NETWORK, requires=["CZ301"])
def network_has_a_serving_signature(network: Network) -> Iterator[Found]:
    """The network has no usable signature.

    Says: It is not clear how to call the network: {reason}.
    Why: Input and output are found through the signature `serving_default`; their names are not
        fixed.
    Fix: Export the network with `model.export(folder)`, or pass
        `signatures={"serving_default": function}` to `tf.saved_model.save`.
    Format: 2, N3
    """
    if network.serving is None:
        callable_ones = [each.name for each in network.signatures if each.inputs]
        reason = (
            f"there is no {SERVING_DEFAULT}, and each of {', '.join(callable_ones)} has inputs"
            if callable_ones
            else "no signature has an input"
        )
        yield Found(InMember("saved_model.pb"), reason=reason)


@rule("CZ328", severity=WARNING, level=Level.NETWORK, requires=["CZ302"])
def signature_has_the_usual_name(network: Network) -> Iterator[Found]:
    """The network's signature is not called `serving_default`.

    Says: The network is called through the signature {signature}; there is no serving_default.
    Why: The format does not specify which signature ZEN uses. TensorFlow and every known reader
        look for `serving_default`; a reader that looks for no other name finds nothing.
    Fix: Pass `signatures={"serving_default": function}` to `tf.saved_model.save`; `czcheck build`
        and `czcheck repair` write the signature as `serving_default` whatever its name was.
    Format: 2, N3
    """
    name = serving_of(network).name
    if name != SERVING_DEFAULT:
        yield Found(InGraph(name), signature=name)


@rule("CZ303", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def network_has_one_input(network: Network) -> Iterator[Found]:
    """The network does not have exactly one input.

    Says: The signature {signature} has {count} inputs ({names}); the format requires one dense
        tensor.
    Why: ZEN passes one tile and nothing else.
    Fix: Export a model with a single input of shape `(batch, height, width, channels)`; several
        image channels belong in its last dimension.
    Format: 2, N3
    """
    serving = serving_of(network)
    if serving.input is None or serving.input.encoding != "dense":
        yield Found(
            InGraph(serving.name),
            signature=serving.name,
            count=len(serving.inputs),
            names=_names(serving.inputs),
        )


@rule("CZ304", severity=ERROR, level=Level.NETWORK, requires=["CZ302"])
def network_has_one_output(network: Network) -> Iterator[Found]:
    """The network does not have exactly one output.

    Says: The signature {signature} has {count} outputs ({names}); the format requires one dense
        tensor.
    Why: ZEN reads the one output as the probabilities of the classes.
    Fix: Export a model whose only output is the class probabilities; remove auxiliary outputs (deep
        supervision), which only training needs.
    Format: 2, N3
    """
    serving = serving_of(network)
    if serving.output is None or serving.output.encoding != "dense":
        yield Found(
            InGraph(serving.name),
            signature=serving.name,
            count=len(serving.outputs),
            names=_names(serving.outputs) or "none",
        )


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(
        each.key if each.encoding == "dense" else f"{each.key}: {each.encoding}" for each in specs
    )


@rule("CZ309", severity=ERROR, level=Level.NETWORK, requires=["CZ304"])
def output_is_float32(network: Network) -> Iterator[Found]:
    """The output is not declared as float32.

    Says: The output {key} is {dtype}; it must be float32.
    Why: ZEN reads the output as float32 probabilities.
    Fix: End the model with a cast, or with a last layer of `dtype="float32"` if it computes in
        mixed precision; do not end it with an argmax.
    Format: 2, N11
    """
    spec = output_of(network)
    if spec.dtype != "float32":
        yield Found(at_tensor(spec), key=spec.key, dtype=spec.dtype)


@rule("CZ310", severity=WARNING, level=Level.NETWORK, requires=["CZ303"])
def input_is_float32(network: Network) -> Iterator[Found]:
    """The input is not float32.

    Says: The input {key} is {dtype}; every known network of this format takes float32.
    Why: Whatever the image's pixel type, the tile reaches the network as float32, and TensorFlow
        does not convert it.
    Fix: Declare the input layer as float32, and cast inside the model if it needs another dtype.
    Format: 2, N16
    """
    spec = input_of(network)
    if spec.dtype != "float32":
        yield Found(at_tensor(spec), key=spec.key, dtype=spec.dtype)


_RANK = 4


def serving_of(network: Network) -> Signature:
    """The signature, where CZ302 has found that there is one."""
    assert network.serving is not None
    return network.serving


def input_of(network: Network) -> TensorSpec:
    """The one input, where CZ303 has found nothing."""
    assert network.input is not None
    return network.input


def output_of(network: Network) -> TensorSpec:
    """The one output, where CZ304 has found nothing."""
    assert network.output is not None
    return network.output


def _input(network: Network) -> tuple[TensorSpec, Dims]:
    """The one input and its four sizes, where CZ303 and CZ305 have found nothing."""
    spec = input_of(network)
    assert spec.shape is not None
    return spec, spec.shape


def _tile(network: Network) -> tuple[int, int]:
    """Height and width, where CZ307 has found that they are fixed."""
    _, shape = _input(network)
    return shape[1] or 0, shape[2] or 0


def at_tensor(spec: TensorSpec) -> InGraph:
    """Where an input or output is found."""
    return InGraph(spec.tensor or spec.key)


def _written(shape: Dims | None) -> str:
    """A shape for people, such as `[?, 512, 512, 1]`."""
    if shape is None:
        return "[of open rank]"
    return f"[{sizes(shape, ', ')}]"


def _channels(number: int | None) -> str:
    return "an open number of channels" if number is None else count(number, "channel")


@rule("CZ305", severity=ERROR, level=Level.NETWORK, requires=["CZ303"])
def input_has_four_dimensions(network: Network) -> Iterator[Found]:
    """The input does not have four dimensions.

    Says: The input {key} has the shape {shape}; it must be [batch, height, width, channels].
    Why: ZEN passes tiles with these four dimensions, channels last.
    Fix: Give the model an input layer of shape `(height, width, channels)`; the batch dimension is
        added automatically.
    Format: 2, N4
    """
    spec = input_of(network)
    if spec.shape is None or len(spec.shape) != _RANK:
        yield Found(at_tensor(spec), key=spec.key, shape=_written(spec.shape))


@rule("CZ306", severity=ERROR, level=Level.NETWORK, requires=["CZ305"])
def batch_is_open_or_one(network: Network) -> Iterator[Found]:
    """The batch is fixed to more than one tile.

    Says: The input {key} has the shape {shape}: it takes {batch} tiles at a time; ZEN passes one.
    Why: ZEN always passes a single tile, which such a network rejects.
    Fix: Leave the batch size of the input layer open, or set it to 1.
    Format: 2, N5
    """
    spec, shape = _input(network)
    if shape[0] not in (None, 0, 1):
        yield Found(at_tensor(spec), key=spec.key, shape=_written(shape), batch=shape[0])


@rule("CZ307", severity=ERROR, level=Level.NETWORK, requires=["CZ305"])
def tile_size_is_fixed(network: Network) -> Iterator[Found]:
    """The height or width of a tile is not fixed.

    Says: The input {key} has the shape {shape}; height and width must be fixed.
    Why: ZEN cuts images into tiles of exactly the input's size.
    Fix: Build the archive with `SpatialDims` in its specification, or with
        `czcheck build --tile HEIGHTxWIDTH`; both fix the size of a fully convolutional network.
    Format: 2, N7
    """
    spec, shape = _input(network)
    if not shape[1] or not shape[2]:
        yield Found(at_tensor(spec), key=spec.key, shape=_written(shape))


@rule("CZ308", severity=ERROR, level=Level.NETWORK, requires=["CZ305"])
def channels_fit_the_pixel_type(network: Network, metadata: ModelMetadata) -> Iterator[Found]:
    """The input's channels do not fit the pixel type.

    Says: The network takes {taken}; the metadata ({pixel_types}, {color_handling}) declare {given}.
    Why: ZEN passes what the metadata declare; the network then rejects it or gets the wrong image.
    Fix: Declare the pixel type that the network was trained on, with `SplitRgb` if it reads colour
        components, or train it on the declared one.
    Format: 2, N17
    """
    spec, shape = _input(network)
    # With ConvertToMonochrome real files follow either reading; CZ212 warns of colour types there.
    if shape[3] not in (metadata.channel_count, metadata.scalar_count):
        yield Found(
            at_tensor(spec),
            taken=_channels(shape[3]),
            given=_channels(metadata.channel_count),
            pixel_types=", ".join(metadata.pixel_types),
            color_handling=metadata.color_handling,
        )


@rule("CZ311", severity=ERROR, level=Level.NETWORK, requires=["CZ304", "CZ305"])
def answer_is_as_large_as_the_tile(network: Network) -> Iterator[Found]:
    """The output is not as large as the tile.

    Says: The output has the shape {output} for a tile of the shape {input}; they may differ in the
        last dimension only.
    Why: Every pixel of the tile needs its own probabilities.
    Fix: Use padding `same` and as much up-sampling as down-sampling, and a tile size that the
        down-sampling divides.
    Format: 2, N9
    """
    _, given = _input(network)
    spec = output_of(network)
    if spec.shape is None:
        return
    pairs = zip(given[:-1], spec.shape[:-1], strict=False)
    if len(spec.shape) != _RANK or any(one and other and one != other for one, other in pairs):
        yield Found(at_tensor(spec), input=_written(given), output=_written(spec.shape))


@rule("CZ312", severity=ERROR, level=Level.NETWORK, requires=["CZ311"])
def answer_has_one_channel_per_class(network: Network, metadata: ModelMetadata) -> Iterator[Found]:
    """The output does not have one channel for each class.

    Says: The output has {taken} for {classes} classes ({names}){advice}.
    Why: The channel with the highest probability is the class of the pixel; a channel without a
        class, or a class without a channel, gives wrong labels.
    Fix: List the classes in the order of the channels, background included. A network that ends in
        one channel, of a sigmoid or of scores, needs a second one for the other class: `czcheck
        build` makes it if the specification says `"Postprocessing": ["SigmoidToSoftmaxScores"]`,
        with `"Sigmoid"` before it for scores; the first class gets the network's probability p, the
        second 1 - p.
    Format: 2, N10
    """
    spec = output_of(network)
    channels = None if spec.shape is None else spec.shape[-1]
    if channels is not None and channels != len(metadata.classes):
        yield Found(
            at_tensor(spec),
            taken=_channels(channels),
            classes=len(metadata.classes),
            names=", ".join(each.name for each in metadata.classes),
            advice=_about_one_channel(network, metadata),
        )


def _about_one_channel(network: Network, metadata: ModelMetadata) -> str:
    """What a network of one channel is, and the line that a specification needs for it."""
    ending = ending_of(network)
    if ending is None or ending.channels != 1:
        return ""
    return f"; {about_channels(ending, (), [each.name for each in metadata.classes])}"


@rule("CZ313", severity=ERROR, level=Level.NETWORK, requires=["CZ307"])
def border_leaves_something_of_the_tile(
    network: Network, metadata: ModelMetadata
) -> Iterator[Found]:
    """The border leaves nothing of the tile.

    Says: A border of {border} pixels at each side leaves nothing of a tile of {height} x {width}
        pixels.
    Why: ZEN uses only what is inside the border, and cannot tile an image with this one.
    Fix: Choose a `BorderSize` below half of the shorter side, or build the network for larger
        tiles.
    Format: 2, N15
    """
    height, width = _tile(network)
    if not 0 <= 2 * metadata.border_size < min(height, width):
        yield Found(
            XmlPath("/Model/BorderSize"),
            border=metadata.border_size,
            height=height,
            width=width,
        )


@rule("CZ314", severity=WARNING, level=Level.NETWORK, requires=["CZ307"])
def tile_is_square(network: Network) -> Iterator[Found]:
    """The tile is not square.

    Says: The input is {first} x {second} pixels: read as height x width in TensorFlow, as width x
        height in descriptions of the format.
    Why: The format does not define which of the two comes first, and all known models are square;
        in the wrong order ZEN passes tiles that the network rejects.
    Fix: Build the network for square tiles.
    Format: 2, N6
    """
    first, second = _tile(network)
    if first != second:
        yield Found(at_tensor(_input(network)[0]), first=first, second=second)


@rule("CZ321", severity=WARNING, level=Level.NETWORK, requires=["CZ307"])
def metadata_know_the_tile(network: Network, metadata: ModelMetadata) -> Iterator[Found]:
    """The metadata give another tile size than the network.

    Says: In the metadata, {element} is {given}; the network's tile is {height} x {width} pixels.
    Why: A reader that relies on the metadata passes tiles that the network rejects.
    Fix: Correct `TotalTileHeight` and `TotalTileWidth`, or leave them out; the network's own size
        is the one that counts.
    Format: 1.3, elements
    """
    height, width = _tile(network)
    named = zip(("TotalTileHeight", "TotalTileWidth"), metadata.total_tile, strict=True)
    for (element, given), size in zip(named, (height, width), strict=True):
        if given is not None and given != size:
            yield Found(
                XmlPath(f"/Model/{element}"),
                element=element,
                given=given,
                height=height,
                width=width,
            )
