"""Bounds on the norm of the weights into each unit."""

import numpy as np

from overfitting.config.schema import Variant
from tests.builders.training import weights_after


def test_the_norm_of_a_units_weights_never_passes_its_bound():
    found = weights_after(Variant(hidden_units=(8, 8), max_norm=0.5), 4, rate=0.1)
    for weights in found[1:]:
        for index in (0, 2):
            assert np.linalg.norm(weights[index], axis=0).max() <= 0.5 + 1e-5
    assert np.linalg.norm(found[-1][4]) > 0.5  # the last layer is free
