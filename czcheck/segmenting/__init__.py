"""Segments images of any size as ZEN's tiling client does: tiles, labels, confidence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
