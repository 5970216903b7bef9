"""Noise on the input."""

import numpy as np

from overfitting.config.schema import Variant
from overfitting.training.network import build

SMALL = (8, 8, 8)


def test_noise_is_added_to_the_input_alone_and_only_while_training():
    model = build(Variant(hidden_units=SMALL, noise=0.3), 5, seed=0)
    assert [type(layer).__name__ for layer in model.layers] == ["GaussianNoise", *["Dense"] * 4]
    assert model.layers[0].stddev == 0.3
    features = np.ones((4, 5), np.float32)
    plain = build(Variant(hidden_units=SMALL), 5, seed=0)
    np.testing.assert_array_equal(model(features, training=False), plain(features, training=False))
