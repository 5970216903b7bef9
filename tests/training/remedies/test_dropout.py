"""Dropout."""

import keras
import numpy as np
import pytest

from overfitting.config.schema import Variant
from overfitting.training.network import build, hidden_kernels

SMALL = (8, 8, 8)


def test_dropout_stands_after_each_hidden_layer_and_not_after_the_last():
    kinds = [type(layer).__name__ for layer in build(Variant(hidden_units=SMALL, dropout=0.3), 5, seed=0).layers]
    assert kinds == ["Dense", "Dropout"] * 3 + ["Dense"]


def dropout_layer(rate):
    model = build(Variant(hidden_units=(4,), dropout=rate), 5, seed=3)
    return next(layer for layer in model.layers if isinstance(layer, keras.layers.Dropout))


def test_dropout_zeroes_or_rescales_the_notes_example():
    # the note's layer output at a rate of 40 %: each value is dropped, or divided by 0.6
    values = np.array([[0.2, 0.3, 0.5, 0.7, 0.9]], np.float32)
    layer = dropout_layer(0.4)
    for _ in range(20):
        output = np.asarray(layer(values, training=True))
        dropped = output == 0
        assert (dropped | np.isclose(output, values / 0.6)).all()


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.5])
def test_dropout_zeroes_its_rate_keeps_the_mean_and_rests_at_inference(rate):
    ones = np.ones((400, 500), np.float32)
    layer = dropout_layer(rate)
    output = np.asarray(layer(ones, training=True))
    error = np.sqrt(rate * (1 - rate) / ones.size)
    assert abs((output == 0).mean() - rate) < 5 * error
    assert output.mean() == pytest.approx(1.0, abs=5 * error / (1 - rate))
    np.testing.assert_array_equal(np.asarray(layer(ones, training=False)), ones)


def test_paired_seeds_start_with_and_without_dropout_from_the_same_weights():
    plain = hidden_kernels(build(Variant(hidden_units=SMALL), 5, seed=4))
    dropped = hidden_kernels(build(Variant(hidden_units=SMALL, dropout=0.5), 5, seed=4))
    assert all(np.array_equal(a, b) for a, b in zip(plain, dropped, strict=True))
