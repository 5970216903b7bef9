"""One compiled epoch, against Keras and itself."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from overfitting.config.schema import Variant
from overfitting.training.backend import tf
from overfitting.training.epoch import Learner, Spec, epoch_function
from overfitting.training.network import build
from overfitting.training.optimizer import adam
from overfitting.training.rows import Rows, TrainingData
from tests.builders.training import TINY, budget, rows, trained


def test_one_epoch_is_keras_own_training_on_the_same_batches():
    """Same initial weights, same batches, three epochs, an L2 penalty: equal to float32 rounding."""
    variant, data, validation = Variant(hidden_units=(8, 8), l2=0.01), rows(), rows(100, seed=1)
    ours, reference = build(variant, 5, seed=0), build(variant, 5, seed=0)
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(ours.trainable_variables)
    run_epoch = epoch_function(
        Spec(variant, budget(), seed=7), Learner(ours, optimizer), TrainingData(data, validation)
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    reference.compile(keras.optimizers.Adam(0.01), loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
    for epoch in (1, 2, 3):
        measured = run_epoch(tf.constant(epoch))
        order = tf.random.experimental.stateless_shuffle(tf.range(400), seed=[7, epoch]).numpy()
        for batch in order.reshape(-1, 50):
            reference.train_on_batch(data.features[batch], data.labels[batch, None])
        predicted = reference(validation.features)
        assert float(measured["val_log_loss"]) == pytest.approx(
            float(loss(validation.labels[:, None], predicted)), rel=1e-5
        )
    for a, b in zip(ours.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("batch_size", "taken"), [(50, 400), (150, 300), (500, 400)])
def test_an_epoch_takes_rows_once_in_an_order_that_depends_on_the_epoch(monkeypatch, batch_size, taken, streaming):
    """It drops the last partial batch, and fewer rows than a batch are one batch."""
    data = Rows(np.arange(2000, dtype=np.float32).reshape(400, 5) / 5, rows().labels)
    model, seen = build(TINY, 5, seed=0), []

    def record(features, labels):
        tf.py_function(lambda batch: seen.extend(batch.numpy()[:, 0].astype(int)), [features], [])
        return features, labels

    recorder = SimpleNamespace(
        stream=0, transform=lambda *_: record, targets=lambda labels: labels, after_step=lambda *_: None
    )
    monkeypatch.setattr("overfitting.training.epoch.active", lambda variant: [recorder])
    spec = Spec(TINY, budget(streaming=streaming, batch_size=batch_size), seed=0)
    learner = Learner(model, adam(TINY, model, 0.001))
    run_epoch = epoch_function(spec, learner, TrainingData(data, data))
    orders = []
    for epoch in (1, 2):
        run_epoch(tf.constant(epoch))
        orders.append(seen[:])
        seen.clear()
    assert [len(set(order)) for order in orders] == [len(order) for order in orders] == [taken, taken]
    assert set().union(*orders) <= set(range(400))
    assert orders[0] != orders[1]


def test_validation_in_pieces_is_validation_at_once(monkeypatch):
    data, validation = rows(), rows(105, seed=1)
    whole = trained(TINY, budget(), data, validation, seed=0)
    monkeypatch.setattr("overfitting.training.epoch.MEASURED_ROWS", 10)
    for a, b in zip(whole.history, trained(TINY, budget(), data, validation, seed=0).history, strict=True):
        assert a == pytest.approx(b, rel=1e-5)
