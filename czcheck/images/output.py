"""Writing what a network made of an image: one interface for all formats."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from czcheck.errors import UsageError
from czcheck.images.content import (
    CZI_ENDINGS,
    TIFF_ENDINGS,
    ZARR_ENDINGS,
    Content,
    check_format,
)
from czcheck.images.decoders import extra
from czcheck.images.writer import Writer


def create(path: str | Path, content: Content, *, resume: bool = False) -> Writer:
    """Begin a file or a store, of the format that its name says.

    Args:
        path: `.tif` or `.tiff` (OME-TIFF), `.zarr` (OME-Zarr; also a URL of any file system that
            fsspec knows), `.czi`, `.png` (labels of one plane). Anything that stands there is
            replaced on commit.
        content: What will be written.
        resume: Whether to go on with an unfinished store, if there is one; only for OME-Zarr.

    Raises:
        UsageError: A name that says no format, no such folder, nothing that can be resumed, or a
            missing extra.
        IncompleteError: It cannot be written there.
    """
    check_format(path, content.kind, len(content.planes))
    ending = Path(str(path)).suffix.lower()
    if resume and ending not in ZARR_ENDINGS:
        raise UsageError(f"{path}: only OME-Zarr can be resumed; name a .zarr store")
    if ending in TIFF_ENDINGS:
        from czcheck.images.output_tiff import TiffOutput  # noqa: PLC0415

        return TiffOutput(Path(path), content)
    if ending in CZI_ENDINGS:
        from czcheck.images.output_czi import CziOutput  # noqa: PLC0415

        return CziOutput(Path(path), content)
    if ending in ZARR_ENDINGS:
        if find_spec("ome_zarr_models") is None or find_spec("zarr") is None:
            raise extra(path, "OME-Zarr", "ome-zarr-models (and Python 3.11)")
        from czcheck.images.output_zarr import ZarrOutput  # noqa: PLC0415

        return ZarrOutput(str(path), content, resume=resume)
    from czcheck.images.output_png import PngOutput  # noqa: PLC0415

    return PngOutput(Path(path), content)
