"""What the process that `children.py` forks from imports, as far as that runs no operation."""

import keras  # noqa: F401
import tensorflow as tf

from czcheck.building.lowering import child, lower  # noqa: F401
from czcheck.runtime import worker

worker.import_the_rest(tf)
