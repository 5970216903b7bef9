"""Batch and layer normalization."""

import keras
import numpy as np
import pytest

from overfitting.config.schema import CosineSchedule, Variant
from overfitting.training.network import build
from overfitting.training.rows import Rows
from tests.builders.training import budget, rows, trained

SMALL = (8, 8, 8)


SLOW = CosineSchedule(name="cosine", learning_rate=1e-4, reference_width=None, warmup_epochs=0)


@pytest.mark.parametrize(("kind", "layer"), [("batch", "BatchNormalization"), ("layer", "LayerNormalization")])
def test_normalization_stands_before_each_activation(kind, layer):
    model = build(Variant(hidden_units=SMALL, normalization=kind, dropout=0.2), 5, seed=0)
    assert [type(found).__name__ for found in model.layers] == ["Dense", layer, "Activation", "Dropout"] * 3 + ["Dense"]
    assert all(dense.activation.__name__ == "linear" for dense in model.layers if isinstance(dense, keras.layers.Dense))


def test_layer_normalization_gives_each_row_mean_0_and_deviation_1():
    model = build(Variant(hidden_units=(64,), normalization="layer"), 5, seed=0)
    features = np.random.default_rng(0).normal(3, 2, (20, 5)).astype(np.float32)
    normalized = np.asarray(model.layers[1](model.layers[0](features)))
    np.testing.assert_allclose(normalized.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(normalized.std(1), 1, atol=0.01)


def test_batch_normalization_learns_the_moments_of_its_input():
    variant = Variant(hidden_units=(8,), normalization="batch")
    data = rows(400)
    shifted = Rows(data.features * 3 + 5, data.labels)
    found = trained(variant, budget(epochs=60, schedule=SLOW), shifted, shifted, seed=0)
    dense, normalization = found.late.layers[:2]
    inputs = np.asarray(dense(shifted.features))
    np.testing.assert_allclose(normalization.moving_mean, inputs.mean(0), atol=0.15 * inputs.std())
    np.testing.assert_allclose(normalization.moving_variance, inputs.var(0), rtol=0.3)
