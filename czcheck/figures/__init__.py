"""A model's figures on labelled images: counts of pixels and objects, and what follows of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
