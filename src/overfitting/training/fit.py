"""What a network reached: losses on all training and validation rows, and sizes of its hidden weights."""

import numpy as np

from overfitting.training.backend import keras
from overfitting.training.loss import Array, accuracy_rows, log_loss_rows
from overfitting.training.network import hidden_kernels, predict
from overfitting.training.rows import Rows, TrainingData
from overfitting.training.summary import Fit

NEAR_ZERO = 1e-3  # |w| below this counts as near zero
BINS = np.linspace(-8, 1, 37)  # of log10|w|; smaller weights count in the first bin


def measure(model: keras.Model, data: TrainingData) -> Fit:
    """Measure `model`; its weights stay as they are."""
    train_log_loss, train_accuracy = evaluate(model, data.train)
    val_log_loss, val_accuracy = evaluate(model, data.validation)
    sizes = _sizes(model)
    with np.errstate(divide="ignore"):
        exponents = np.clip(np.log10(sizes), BINS[0], BINS[-1])
    counts, _ = np.histogram(exponents, BINS)
    return Fit(
        train_log_loss=train_log_loss,
        train_accuracy=train_accuracy,
        val_log_loss=val_log_loss,
        val_accuracy=val_accuracy,
        weight_norm=float(np.sqrt(np.square(sizes, dtype=np.float64).sum())),  # BLAS would round by its threads
        near_zero_share=near_zero_share(model),
        zero_share=float((sizes == 0).mean()),
        weight_histogram=tuple((counts / sizes.size).round(6).tolist()),
        val_log_loss_pruned=_pruned_log_loss(model, data.validation),
    )


def evaluate(model: keras.Model, rows: Rows) -> tuple[float, float]:
    """Mean log loss and accuracy of the model on rows, without dropout."""
    logits = predict(model, rows.features)
    return float(log_loss_rows(rows.labels, logits).mean()), float(accuracy_rows(rows.labels, logits).mean())


def near_zero_share(model: keras.Model) -> float:
    """Share of the hidden weights that are near zero."""
    return float((_sizes(model) < NEAR_ZERO).mean())


def _pruned_log_loss(model: keras.Model, rows: Rows) -> float:
    """Log loss on `rows` without the hidden weights that are near zero."""
    weights = model.get_weights()
    for kernel in hidden_kernels(model):
        kernel.assign(np.where(np.abs(kernel) < NEAR_ZERO, 0.0, kernel))
    log_loss, _ = evaluate(model, rows)
    model.set_weights(weights)
    return log_loss


def _sizes(model: keras.Model) -> Array:
    """Absolute values of all hidden weights."""
    sizes: Array = np.abs(np.concatenate([np.asarray(kernel).ravel() for kernel in hidden_kernels(model)]))
    return sizes
