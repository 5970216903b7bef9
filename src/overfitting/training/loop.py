"""The epoch loop: one compiled function an epoch over data in memory, Keras callbacks around it.

All randomness follows from the seed: initial weights and dropout masks in `network`, the order of the rows
from (seed, epoch). The same seed gives the same weights, byte for byte, in any process.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overfitting.base.errors import UserError
from overfitting.config.schema import CosineSchedule, InverseTimeSchedule, Schedule, Training, Variant
from overfitting.data.scaling import Scaling
from overfitting.evaluation.metrics import accuracy_rows, log_loss_rows
from overfitting.training.augmentation import Transform, augmentation
from overfitting.training.backend import keras, resident, tf
from overfitting.training.checkpoint import Checkpoint, State
from overfitting.training.network import build, faster, hidden_kernels, predict

NEAR_ZERO = 1e-3  # |w| below this counts as near zero
WEIGHT_BINS = np.linspace(-8, 1, 37)  # of log10|w|; what is smaller counts in the first
STREAMED_STEPS = 32  # batches that are fetched at once
MEASURED_ROWS = 10_000  # validation rows at once
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


Step = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
Gather = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class DivergedError(UserError):
    """The loss of a run is no longer finite, which the user can mend: the learning rate or a penalty is too large."""


@dataclass(frozen=True)
class Rows:
    """Scaled features (n_rows, n_features) float32 and labels (n_rows,) float32 in {0, 1}."""

    features: np.ndarray
    labels: np.ndarray

    def first(self, count: int) -> "Rows":
        """The first `count` rows, in the same memory."""
        return Rows(self.features[:count], self.labels[:count])


@dataclass(frozen=True)
class Trained:
    """A finished run: the model with the selected epoch's weights, its history and what sums it up."""

    model: keras.Model
    history: list[dict[str, float]]
    summary: dict[str, Any]


def learning_rate(
    schedule: Schedule, width: int, epochs: int, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Keras's schedule for `schedule` and a network whose widest hidden layer has `width` units, counted in steps.

    Raises:
        TypeError: an unknown kind of schedule.
    """
    match schedule:
        case InverseTimeSchedule():
            return keras.optimizers.schedules.InverseTimeDecay(
                schedule.learning_rate, decay_steps=schedule.decay_epochs * steps_per_epoch, decay_rate=1.0
            )
        case CosineSchedule():
            peak = schedule.learning_rate * math.sqrt((schedule.reference_width or width) / width)
            warmup = min(schedule.warmup_epochs, epochs - 1) * steps_per_epoch
            return keras.optimizers.schedules.CosineDecay(
                0.0 if warmup else peak,
                decay_steps=epochs * steps_per_epoch - warmup,
                warmup_target=peak if warmup else None,
                warmup_steps=warmup,
            )
    raise TypeError(schedule)


def adam(variant: Variant, model: keras.Model, schedule: Any) -> keras.Optimizer:
    """Keras's Adam for `model`, as AdamW where its hidden kernels decay, with averaged weights where asked for."""
    averages = {"use_ema": bool(variant.ema), "ema_momentum": variant.ema}
    if not variant.weight_decay:
        optimizer = keras.optimizers.Adam(schedule, **averages)
    else:
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=variant.weight_decay, **averages)
        decaying = {id(kernel) for kernel in hidden_kernels(model)}
        optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if id(v) not in decaying])
    optimizer.build(model.trainable_variables)
    return optimizer


def train(
    variant: Variant,
    training: Training,
    rows: Rows,
    validation: Rows,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Checkpoint | None = None,
    scaling: Scaling | None = None,
    epoch_rows: int | None = None,
) -> Trained:
    """Train one seed of `variant` and keep the weights of the epoch with the lowest validation log loss.

    `callbacks` get each epoch's row of the history as `logs`, under the names of `COLUMNS`, and may stop the run. Of
    Keras's hooks those of the training and of its epochs are called; a step is part of a compiled epoch. With a
    `checkpoint` a run that was killed goes on where that was taken, to the same result. `scaling` says what the columns
    are, which `variant.symmetry` needs to know. An epoch is a pass over `epoch_rows` of the rows, by default all.

    Raises:
        DivergedError: a loss is not finite.
        UserError: the columns have no symmetries to train with.
    """
    model = build(variant, rows.features.shape[1], seed)
    initial = _near_zero(model)
    steps = (epoch_rows or len(rows.labels)) // training.batch_size
    schedule = learning_rate(training.schedule, max(variant.hidden_units), training.epochs, steps)
    optimizer = adam(variant, model, schedule)
    augment = augmentation(variant, scaling, seed, optimizer.iterations)
    run_epoch = epoch_function(
        model, optimizer, rows, validation, training, seed, augment, variant.label_smoothing, steps
    )

    patience = variant.patience or training.patience or training.epochs
    selection = keras.callbacks.EarlyStopping("val_log_loss", patience=patience, mode="min", restore_best_weights=True)
    callback_list = keras.callbacks.CallbackList([selection, *callbacks], model=model)
    model.optimizer = optimizer
    model.stop_training = False
    state = State(model, optimizer, selection, history=[])
    _run_epochs(run_epoch, state, callback_list, training.epochs, seed, checkpoint)
    last, last_weights = _both_losses(model, rows, validation), model.get_weights()
    callback_list.on_train_end()  # here Keras restores the weights of the best epoch
    best = _both_losses(model, rows, validation)
    if variant.keep == "last":
        model.set_weights(last_weights)
    model.optimizer = None  # else its state, twice the weights, is saved with them
    summary = {"train_rows": len(rows.labels), **_history_summary(state.history), "best": best, "last": last}
    return Trained(model, state.history, {**summary, "near_zero_share_initial": initial, **_weights_summary(model)})


def _run_epochs(
    run_epoch: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    state: State,
    callbacks: keras.callbacks.CallbackList,
    epochs: int,
    seed: int,
    checkpoint: Checkpoint | None,
) -> None:
    """Train until `epochs` are done or a callback stops it; where there is a checkpoint, go on from there."""
    callbacks.on_train_begin()
    if checkpoint:
        checkpoint.restore(state)
    for epoch in range(len(state.history) + 1, epochs + 1):
        started = time.perf_counter()
        callbacks.on_epoch_begin(epoch - 1)
        measured = {name: float(value) for name, value in run_epoch(tf.constant(epoch)).items()}
        if not math.isfinite(measured["train_log_loss"] + measured["val_log_loss"]):
            raise DivergedError(
                f"seed {seed}: the loss is not finite in epoch {epoch}; lower training.schedule.learning_rate"
            )
        state.history.append({"epoch": epoch, **measured, "seconds": time.perf_counter() - started})
        callbacks.on_epoch_end(epoch - 1, dict(state.history[-1]))
        if state.model.stop_training:
            break
        if checkpoint:
            checkpoint.save_when_due(state)


def epoch_function(
    model: keras.Model,
    optimizer: keras.Optimizer,
    rows: Rows,
    validation: Rows,
    training: Training,
    seed: int,
    augment: Transform = lambda features, labels: (features, labels),
    label_smoothing: float = 0.0,
    steps: int | None = None,
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A compiled function of the epoch (counted from 1) that trains for `steps`, by default on all rows, and measures.

    Rows are taken in an order drawn from (seed, epoch), none twice; what the batches do not hold is left out of that
    epoch.
    `train_log_loss` and `train_accuracy` are means over the batches as they are trained on, dropout at work, as Keras
    reports them, on batches as `augment` gives them; the validation set is measured without dropout and in float32,
    after the epoch. Where the optimizer averages weights, the model has the averages between epochs.
    """
    features, labels = resident(rows.features, training.streaming), resident(rows.labels, training.streaming)
    val_features, val_labels = resident(validation.features), resident(validation.labels)
    n_rows, batch_size = len(rows.labels), training.batch_size
    steps = steps or n_rows // batch_size
    step_function = _step_function(model, optimizer, training, label_smoothing)
    run_steps = _stream_steps if training.streaming else _run_steps

    def gather(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.gather(features, batch), tf.gather(labels, batch)

    def train_batch(features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return step_function(*augment(features, labels))

    @tf.function
    def run_epoch(epoch: tf.Tensor) -> dict[str, tf.Tensor]:
        order = tf.random.experimental.stateless_shuffle(tf.range(n_rows), seed=[seed, epoch])
        batches = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        if optimizer.use_ema and epoch > 1:
            _swap_averages(model, optimizer)
        trained, penalty = run_steps(train_batch, gather, batches)
        if optimizer.use_ema:
            _swap_averages(model, optimizer)
        validated = _measure(model, val_features, val_labels)
        return {
            "train_log_loss": trained[0],
            "val_log_loss": validated[0],
            "train_accuracy": trained[1],
            "val_accuracy": validated[1],
            "learning_rate": tf.identity(optimizer.learning_rate),
            "penalty": penalty,
        }

    return run_epoch


def _run_steps(train_batch: Step, gather: Gather, batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Train on each of `batches` (steps, batch_size) of row numbers -> mean measures, and the last penalty."""
    total, penalty = tf.zeros(2), 0.0
    for batch in batches:
        measured, penalty = train_batch(*gather(batch))
        total += measured
    return total / len(batches), penalty


def _stream_steps(train_batch: Step, gather: Gather, batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As `_run_steps`, with the rows of the next batches fetched from the host's memory meanwhile."""
    total, penalty = tf.zeros(2), 0.0
    blocks = tf.data.Dataset.from_tensor_slices(batches).batch(STREAMED_STEPS).map(gather)
    fetched = iter(blocks.prefetch(2))
    for _ in tf.range(-(-len(batches) // STREAMED_STEPS)):
        features, labels = next(fetched)
        for step in tf.range(tf.shape(labels)[0]):
            measured, penalty = train_batch(features[step], labels[step])
            total += measured
    return total / len(batches), penalty


def _measure(model: keras.Model, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean log loss and accuracy (2,) of the model on rows, inside a graph."""
    total = tf.zeros(2)
    for start in tf.range(0, len(labels), MEASURED_ROWS):
        piece = slice(start, start + MEASURED_ROWS)
        total += tf.reduce_sum(_row_values(model(features[piece], training=False), labels[piece]), 1)
    return total / len(labels)


def evaluate(model: keras.Model, rows: Rows, prefix: str) -> dict[str, float]:
    """Log loss and accuracy of the model on rows, without dropout: `<prefix>_log_loss` and `<prefix>_accuracy`."""
    logits = predict(model, rows.features)
    return {
        f"{prefix}_log_loss": float(log_loss_rows(rows.labels, logits).mean()),
        f"{prefix}_accuracy": float(accuracy_rows(rows.labels, logits).mean()),
    }


def _both_losses(model: keras.Model, rows: Rows, validation: Rows) -> dict[str, float]:
    return {**evaluate(model, rows, "train"), **evaluate(model, validation, "val")}


def _step_function(model: keras.Model, optimizer: keras.Optimizer, training: Training, label_smoothing: float) -> Step:
    """One step of the optimizer on a batch -> mean log loss and accuracy of the batch, and the penalty.

    Smoothed labels are what is learned, not what is measured.
    """
    trained_model = faster(model, optimizer.iterations, training.precision)
    variables = model.trainable_variables
    smoothed = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)

    def step(features: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = trained_model(features, training=True)
            measured = tf.reduce_mean(_row_values(logits, labels), 1)
            penalty = tf.add_n(model.losses) if model.losses else tf.constant(0.0)
            loss = (smoothed(labels[:, None], logits) if label_smoothing else measured[0]) + penalty
        optimizer.apply(tape.gradient(loss, variables), variables)
        return measured, penalty

    # autograph has nothing to convert in Keras's layers and optimizers, and takes a second to see it
    return tf.function(step, autograph=False, jit_compile=training.jit_compile)


def _swap_averages(model: keras.Model, optimizer: keras.Optimizer) -> None:
    """Exchange the weights with their moving averages, as `keras.callbacks.SwapEMAWeights` does."""
    for variable, average in zip(model.trainable_variables, optimizer._model_variables_moving_average, strict=True):
        weights = tf.identity(variable.value)
        variable.assign(average.value)
        average.assign(weights)


def _row_values(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Log loss and accuracy of each row, (2, n_rows), from logits (n_rows, 1); the accuracy thresholds them at 0."""
    logits = tf.squeeze(logits, axis=1)
    log_loss = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
    return tf.stack([log_loss, tf.cast((logits > 0.0) == (labels > 0.5), tf.float32)])


def _history_summary(history: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "epochs": len(history),
        "best_epoch": int(min(history, key=lambda row: row["val_log_loss"])["epoch"]),
        "seconds": sum(row["seconds"] for row in history),
    }


def _weights_summary(model: keras.Model) -> dict[str, Any]:
    """Of the weights that are kept: number, norm, and how small they are (shares of the hidden kernels)."""
    sizes = np.abs(_hidden_weights(model))
    with np.errstate(divide="ignore"):
        exponents = np.clip(np.log10(sizes), WEIGHT_BINS[0], WEIGHT_BINS[-1])
    counts, _ = np.histogram(exponents, WEIGHT_BINS)
    return {
        "parameters": model.count_params(),
        "weight_norm": float(np.linalg.norm(sizes)),
        "near_zero_share": _near_zero(model),
        "zero_share": float((sizes == 0).mean()),
        "weight_bins": WEIGHT_BINS.tolist(),
        "weight_histogram": (counts / sizes.size).round(6).tolist(),
    }


def _near_zero(model: keras.Model) -> float:
    return float((np.abs(_hidden_weights(model)) < NEAR_ZERO).mean())


def _hidden_weights(model: keras.Model) -> np.ndarray:
    return np.concatenate([np.asarray(kernel).ravel() for kernel in hidden_kernels(model)])
