"""The epoch loop: one compiled function an epoch over data in memory, Keras callbacks around it.

All randomness follows from the seed: initial weights and dropout masks in `overfitting.model`, the order of the rows
from (seed, epoch). The same seed gives the same weights, byte for byte, in any process.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overfitting.backend import keras, tf
from overfitting.config import CosineSchedule, InverseTimeSchedule, Schedule, Training, Variant
from overfitting.metrics import accuracy_rows, log_loss_rows
from overfitting.model import build, hidden_kernels, predict

NEAR_ZERO = 1e-3  # |w| below this counts as near zero
COLUMNS = (
    "epoch",
    "train_log_loss",
    "val_log_loss",
    "train_accuracy",
    "val_accuracy",
    "learning_rate",
    "penalty",
    "seconds",
)


class DivergedError(ArithmeticError):
    """The loss of a run is no longer finite."""


@dataclass(frozen=True)
class Rows:
    """Scaled features (n_rows, n_features) float32 and labels (n_rows,) float32 in {0, 1}."""

    features: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Trained:
    """A finished run: the model with the selected epoch's weights, its history and what sums it up."""

    model: keras.Model
    history: list[dict[str, float]]
    summary: dict[str, Any]


def learning_rate(
    schedule: Schedule, epochs: int, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Keras's schedule for `schedule`, counted in steps.

    Raises:
        TypeError: an unknown kind of schedule.
    """
    match schedule:
        case InverseTimeSchedule():
            return keras.optimizers.schedules.InverseTimeDecay(
                schedule.learning_rate, decay_steps=schedule.decay_epochs * steps_per_epoch, decay_rate=1.0
            )
        case CosineSchedule():
            warmup = min(schedule.warmup_epochs, epochs - 1) * steps_per_epoch
            return keras.optimizers.schedules.CosineDecay(
                0.0 if warmup else schedule.learning_rate,
                decay_steps=epochs * steps_per_epoch - warmup,
                warmup_target=schedule.learning_rate if warmup else None,
                warmup_steps=warmup,
            )
    raise TypeError(schedule)


def train(
    variant: Variant,
    training: Training,
    rows: Rows,
    validation: Rows,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Trained:
    """Train one seed of `variant` and keep the weights of the epoch with the lowest validation log loss.

    `callbacks` get each epoch's row of the history as `logs`, under the names of `COLUMNS`, and may stop the run.

    Raises:
        DivergedError: a loss is not finite.
    """
    model = build(variant, rows.features.shape[1], seed)
    steps = len(rows.labels) // training.batch_size
    optimizer = keras.optimizers.Adam(learning_rate(training.schedule, training.epochs, steps))
    optimizer.build(model.trainable_variables)
    run_epoch = epoch_function(model, optimizer, rows, validation, training.batch_size, seed)

    selection = keras.callbacks.EarlyStopping(
        "val_log_loss", patience=training.patience or training.epochs, mode="min", restore_best_weights=True
    )
    callback_list = keras.callbacks.CallbackList([selection, *callbacks], model=model)
    model.optimizer = optimizer
    model.stop_training = False
    history: list[dict[str, float]] = []
    callback_list.on_train_begin()
    for epoch in range(1, training.epochs + 1):
        started = time.perf_counter()
        callback_list.on_epoch_begin(epoch - 1)
        measured = {name: float(value) for name, value in run_epoch(tf.constant(epoch)).items()}
        if not math.isfinite(measured["train_log_loss"] + measured["val_log_loss"]):
            raise DivergedError(
                f"seed {seed}: the loss is not finite in epoch {epoch}; lower training.schedule.learning_rate"
            )
        history.append({"epoch": epoch, **measured, "seconds": time.perf_counter() - started})
        callback_list.on_epoch_end(epoch - 1, dict(history[-1]))
        if model.stop_training:
            break
    last = {**evaluate(model, rows, "train"), **evaluate(model, validation, "val")}
    callback_list.on_train_end()  # here Keras restores the weights of the best epoch
    best = {**evaluate(model, rows, "train"), **evaluate(model, validation, "val")}
    return Trained(model, history, _summary(model, history, best, last))


def epoch_function(
    model: keras.Model,
    optimizer: keras.Optimizer,
    rows: Rows,
    validation: Rows,
    batch_size: int,
    seed: int,
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A compiled function of the epoch (counted from 1) that trains on all rows once and measures.

    Rows are taken in an order drawn from (seed, epoch); rows that fill no batch are left out of that epoch.
    `train_log_loss` and `train_accuracy` are means over the batches as they are trained on, dropout at work, as Keras
    reports them; the validation set is measured without dropout, after the epoch.
    """
    features, labels = tf.constant(rows.features), tf.constant(rows.labels)
    val_features, val_labels = tf.constant(validation.features), tf.constant(validation.labels)
    n_rows = len(rows.labels)
    steps = n_rows // batch_size

    @tf.function
    def run_epoch(epoch: tf.Tensor) -> dict[str, tf.Tensor]:
        order = tf.random.experimental.stateless_shuffle(tf.range(n_rows), seed=[seed, epoch])
        total_loss, total_accuracy, penalty = 0.0, 0.0, 0.0
        for step in tf.range(steps):
            batch = order[step * batch_size : (step + 1) * batch_size]
            log_loss, accuracy, penalty = _step(model, optimizer, tf.gather(features, batch), tf.gather(labels, batch))
            total_loss += log_loss
            total_accuracy += accuracy
        val_log_loss, val_accuracy = _measure(model(val_features, training=False), val_labels)
        return {
            "train_log_loss": total_loss / steps,
            "val_log_loss": val_log_loss,
            "train_accuracy": total_accuracy / steps,
            "val_accuracy": val_accuracy,
            "learning_rate": tf.identity(optimizer.learning_rate),
            "penalty": penalty,
        }

    return run_epoch


def evaluate(model: keras.Model, rows: Rows, prefix: str) -> dict[str, float]:
    """Log loss and accuracy of the model on rows, without dropout: `<prefix>_log_loss` and `<prefix>_accuracy`."""
    logits = predict(model, rows.features)
    return {
        f"{prefix}_log_loss": float(log_loss_rows(rows.labels, logits).mean()),
        f"{prefix}_accuracy": float(accuracy_rows(rows.labels, logits).mean()),
    }


def _step(
    model: keras.Model, optimizer: keras.Optimizer, features: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    with tf.GradientTape() as tape:
        log_loss, accuracy = _measure(model(features, training=True), labels)
        penalty = tf.add_n(model.losses) if model.losses else tf.constant(0.0)
        loss = log_loss + penalty
    variables = model.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return log_loss, accuracy, penalty


def _measure(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean log loss, and accuracy of logits (n_rows, 1) thresholded at 0."""
    logits = tf.squeeze(logits, axis=1)
    log_loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
    accuracy = tf.reduce_mean(tf.cast((logits > 0.0) == (labels > 0.5), tf.float32))
    return log_loss, accuracy


def _summary(
    model: keras.Model, history: list[dict[str, float]], best: dict[str, float], last: dict[str, float]
) -> dict[str, Any]:
    weights = np.concatenate([kernel.ravel() for kernel in hidden_kernels(model)])
    return {
        "parameters": model.count_params(),
        "epochs": len(history),
        "best_epoch": int(min(history, key=lambda row: row["val_log_loss"])["epoch"]),
        "best": best,
        "last": last,
        "weight_norm": float(np.linalg.norm(weights)),
        "near_zero_share": float((np.abs(weights) < NEAR_ZERO).mean()),
        "seconds": sum(row["seconds"] for row in history),
    }
