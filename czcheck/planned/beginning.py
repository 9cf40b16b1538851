"""What a network's input takes, compared with what a model's metadata promise it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from czcheck.metadata.model_metadata import ModelMetadata
    from czcheck.network.facts import TensorSpec


def about_taken(channels: int | None, metadata: ModelMetadata) -> str | None:
    """Why an input's channels do not fit the pixel type; None if they do. Section 2, N17.

    Args:
        channels: Size of the input's last dimension; None if it is open.
        metadata: What the archive will say.
    """
    if channels is None or channels in {metadata.channel_count, metadata.scalar_count}:
        return None
    wanted = metadata.channel_count
    return (
        f"the network takes {channels} channels, but the pixel type "
        f"{', '.join(metadata.pixel_types)} with {metadata.color_handling} has {wanted}; "
        "change `PixelType` or `ColorHandling` in the spec, or the network's input"
    )


def about_dtype(spec: TensorSpec, what: str) -> str | None:
    """Why an input or output is not of the dtype that a model has; None if it is.

    Args:
        spec: The input or output.
        what: Which of the two.
    """
    if spec.dtype == "float32":
        return None
    return (
        f"the network's {what} {spec.key} is {spec.dtype}; it has to be float32: "
        "cast inside the network"
    )
