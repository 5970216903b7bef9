"""Smoothed targets."""

import keras
import numpy as np
import pytest

from overfitting.config.schema import Variant
from overfitting.training.backend import tf
from overfitting.training.epoch import Learner, Spec, epoch_function
from overfitting.training.fit import evaluate
from overfitting.training.network import build
from overfitting.training.optimizer import adam
from overfitting.training.rows import TrainingData
from tests.builders.training import budget, rows


def test_smoothed_labels_are_learned_and_true_ones_measured():
    """One step with smoothing 2s is a step on targets s and 1 - s; the log loss that is shown is that of the labels."""
    data = rows(50)
    variant = Variant(hidden_units=(8, 8), label_smoothing=0.2)
    model = build(variant, 5, seed=0)
    learner = Learner(model, adam(variant, model, 0.01))
    run_epoch = epoch_function(Spec(variant, budget(), 0), learner, TrainingData(data, data))
    reference = build(variant, 5, seed=0)
    before, _ = evaluate(reference, data)
    reference.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    reference.train_on_batch(data.features, (data.labels * 0.8 + 0.1)[:, None])
    assert float(run_epoch(tf.constant(1))["train_log_loss"]) == pytest.approx(before, rel=1e-5)
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
