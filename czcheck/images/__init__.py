"""Microscopy images: reading planes region by region, and writing what a network made of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
