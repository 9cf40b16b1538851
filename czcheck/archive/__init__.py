"""Bytes to members: reading and writing the ZIP container."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
