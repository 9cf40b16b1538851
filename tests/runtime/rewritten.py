"""What the networks of `make_rewritten.py` compute, by numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 16
TOKENS = SIDE * SIDE
EPSILON = 1e-6
WEIGHTS = np.array([0.004, 0.001, -0.003, 0.002], np.float32)
GAMMA = np.array([1.5, 0.5, 1.0, 2.0], np.float32)
BETA = np.array([0.1, -0.2, 0.3, 0.0], np.float32)


def normalised(image: Any) -> Any:
    """Prediction of all networks with a layer normalisation, in float64."""
    tokens = image.astype(np.float64) * WEIGHTS
    mean, variance = tokens.mean(-1, keepdims=True), tokens.var(-1, keepdims=True)
    scores = ((tokens - mean) / np.sqrt(variance + EPSILON) * GAMMA + BETA)[..., :2]
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def best(image: Any) -> Any:
    """Prediction of the network that marks the better class: of equal ones the first."""
    scores = np.concatenate([image * 2 - np.float32(1.8), image - np.float32(0.9)], -1)
    return np.eye(2)[np.maximum(scores, 0).argmax(-1)]
