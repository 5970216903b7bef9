"""Decoupled weight decay."""

import numpy as np

from overfitting.config.schema import Variant
from tests.builders.training import TINY, weights_after


def test_decoupled_decay_shrinks_hidden_kernels_by_rate_times_factor_and_nothing_else():
    start, plain = weights_after(TINY, 1)
    _, decayed = weights_after(Variant(hidden_units=(8, 8), weight_decay=0.5), 1)
    for index, (first, without, with_decay) in enumerate(zip(start, plain, decayed, strict=True)):
        expected = 0.01 * 0.5 * first if index in (0, 2) else 0.0  # kernels of the two hidden layers
        np.testing.assert_allclose(without - with_decay, expected, atol=1e-6)
