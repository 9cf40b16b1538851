"""What can be said of a model before it is built: its network's output, and what a build makes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
