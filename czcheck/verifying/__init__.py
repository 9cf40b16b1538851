"""The verdict on a file: what is to be done, its run, the facts for the rules, the report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
