"""Sizes and weights of the networks in `kernel_networks.py` and `kernel_values.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

SIZE = 24
CHANNELS = 4
ONES = [1, 1, 1, 1]
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)

Network = Callable[[Any], Any]


class Weights:
    """Makes filters: variables, which the build has to freeze, or arrays."""

    def __init__(self, seed: int, *, frozen: bool = False) -> None:
        self.random = np.random.default_rng(seed)
        self.frozen = frozen
        self.made: list[Any] = []

    def __call__(self, *shape: int) -> Any:
        value = self.random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype(np.float32)
        if self.frozen:
            return value
        self.made.append(tf.Variable(value))
        return self.made[-1]
