"""How well a model segments images whose truth is known: pixels, objects, confidence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
