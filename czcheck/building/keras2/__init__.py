"""Networks that Keras 1 and 2 wrote, computed as those versions compute them.

Keras 3 opens many of these files and computes something else: `hard_sigmoid`, layers that were
called with `training=True`, bilinear enlargements of Keras 2.3 and more have another meaning there.
So it takes no part here. A file's description of its layers is read strictly (`tree`), its weights
are assigned by the order in which its Keras wrote them (`weights`), and each layer is written out
as the TensorFlow operations that its Keras called (`layers_*`). A layer, an argument or a value
that is not known is refused by name.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
