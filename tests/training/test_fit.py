"""What weights reached: losses on all rows, and sizes of hidden weights."""

import keras
import numpy as np
import pytest

from overfitting.config.schema import Variant
from overfitting.training import fit
from overfitting.training.network import build, hidden_kernels
from overfitting.training.rows import TrainingData
from tests.builders.training import rows

DATA = TrainingData(rows(105), rows(100, seed=1))


@pytest.fixture
def model():
    """A network with dropout and, among its hidden weights, zeros and small numbers."""
    network = build(Variant(hidden_units=(16, 16), dropout=0.5), 5, seed=0)
    for kernel in hidden_kernels(network):
        values = np.asarray(kernel)
        kernel.assign(np.where(values < -0.2, 0, np.where(values < 0, values / 1000, values)))
    return network


def losses(model, data):
    logits = np.asarray(model(data.features, training=False))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)(data.labels[:, None], logits)
    return float(loss), ((logits[:, 0] > 0) == data.labels).mean()


def test_losses_are_without_dropout_and_on_all_rows(model):
    found = fit.measure(model, DATA)
    assert (found.train_log_loss, found.train_accuracy) == pytest.approx(losses(model, DATA.train), rel=1e-5)
    assert (found.val_log_loss, found.val_accuracy) == pytest.approx(losses(model, DATA.validation), rel=1e-5)


def test_sizes_are_of_the_hidden_weights(model):
    found, weights = fit.measure(model, DATA), np.concatenate([np.ravel(kernel) for kernel in hidden_kernels(model)])
    assert found.near_zero_share == fit.near_zero_share(model) == pytest.approx((np.abs(weights) < 1e-3).mean())
    assert 0 < found.zero_share < found.near_zero_share
    assert found.zero_share == pytest.approx((weights == 0).mean())
    assert found.weight_norm == pytest.approx(np.linalg.norm(weights), rel=1e-5)
    assert sum(found.weight_histogram) == pytest.approx(1.0, abs=1e-4)
    below = fit.BINS[1:] <= -3 + 1e-9
    assert np.array(found.weight_histogram)[below].sum() == pytest.approx(found.near_zero_share, abs=1e-4)


def test_pruning_sets_hidden_weights_below_a_thousandth_to_0_and_is_undone(model):
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.bias.assign(np.full(layer.bias.shape, 5e-4))  # stays
    before = model.get_weights()
    found = fit.measure(model, DATA)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    kernels = {id(kernel.value) for kernel in hidden_kernels(model)}
    pruned = [
        np.where(np.abs(values) < 1e-3, 0, values) if id(variable.value) in kernels else values
        for variable, values in zip(model.weights, before, strict=True)
    ]
    model.set_weights(pruned)
    expected, _ = losses(model, DATA.validation)
    assert found.val_log_loss_pruned == pytest.approx(expected, rel=1e-6)
    assert found.val_log_loss_pruned != found.val_log_loss
