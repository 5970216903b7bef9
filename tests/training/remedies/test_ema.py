"""Moving averages of the weights."""

import numpy as np

from overfitting.config.schema import Variant
from tests.builders.training import TINY, weights_after


def test_averaged_weights_are_the_moving_average_of_the_weights():
    plain = weights_after(TINY, 4)
    averaged = weights_after(Variant(hidden_units=(8, 8), ema=0.9), 4)
    expected = plain[1]
    for step in (2, 3, 4):
        expected = [0.9 * average + 0.1 * new for average, new in zip(expected, plain[step], strict=True)]
        for average, found in zip(expected, averaged[step], strict=True):
            np.testing.assert_allclose(found, average, atol=1e-6)
