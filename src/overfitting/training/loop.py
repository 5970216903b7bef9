"""Training of one run: epochs, selection of the best, callbacks, checkpoints."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.training import keras_file
from overfitting.training.backend import keras, tf
from overfitting.training.checkpoint import Checkpoint, State
from overfitting.training.epoch import Epoch, Learner, Spec, epoch_function
from overfitting.training.history import Row
from overfitting.training.loss import accuracy_rows, log_loss_rows
from overfitting.training.network import build, predict
from overfitting.training.optimizer import adam, learning_rate
from overfitting.training.remedies import active
from overfitting.training.rows import Rows, TrainingData
from overfitting.training.summary import Losses, Outcome
from overfitting.training.weights import measure


class DivergedError(UserError):
    """The loss of a run is no longer finite: the learning rate or a penalty is too large."""


@dataclass(frozen=True)
class Trained:
    """A finished run: the model with the kept weights, the history, the outcome, and the seconds of each epoch."""

    model: keras.Model
    history: list[Row]
    outcome: Outcome
    seconds: list[float]

    def save(self, path: Path) -> None:
        """Write the model as a `.keras` file."""
        keras_file.save(self.model, path)


def train(
    spec: Spec,
    data: TrainingData,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train one run and keep the weights of the epoch with the lowest validation log loss, unless a remedy decides.

    `callbacks` get each epoch's row of the history as `logs`, under the names of `history.COLUMNS`, and may stop the
    run. Of Keras's hooks those of the training and of its epochs are called; a step is part of a compiled epoch. With a
    `checkpoint` a run that was killed resumes where the checkpoint was taken, to the same result.

    Raises:
        DivergedError: a loss is not finite.
        UserError: a remedy does not fit the columns.
    """
    learner = _learner(spec, data)
    model, remedies = learner.model, active(spec.variant)
    initial = measure(model).near_zero_share
    run_epoch = epoch_function(spec, learner, data)

    patience = next(filter(None, (remedy.patience() for remedy in remedies)), spec.training.patience)
    selection = keras.callbacks.EarlyStopping(
        "val_log_loss", patience=patience or spec.training.epochs, mode="min", restore_best_weights=True
    )
    callback_list = keras.callbacks.CallbackList([selection, *callbacks], model=model)
    model.optimizer = learner.optimizer
    model.stop_training = False
    state = State(model, learner.optimizer, selection, history=[], seconds=[])
    _run_epochs(run_epoch, state, callback_list, spec, checkpoint)
    last, last_weights = _losses(model, data), model.get_weights()
    callback_list.on_train_end()  # here Keras restores the weights of the best epoch
    best = _losses(model, data)
    if any(remedy.keeps_last_epoch() for remedy in remedies):
        model.set_weights(last_weights)
    model.optimizer = None  # else its state, twice the weights, is saved with them
    outcome = Outcome(
        train_rows=len(data.train.labels),
        epochs=len(state.history),
        best_epoch=int(min(state.history, key=lambda row: row["val_log_loss"])["epoch"]),
        best=best,
        last=last,
        parameters=model.count_params(),
        near_zero_share_initial=initial,
        **dict(measure(model)),
    )
    return Trained(model, state.history, outcome, state.seconds)


def evaluate(model: keras.Model, rows: Rows) -> tuple[float, float]:
    """Mean log loss and accuracy of the model on rows, without dropout."""
    logits = predict(model, rows.features)
    return float(log_loss_rows(rows.labels, logits).mean()), float(accuracy_rows(rows.labels, logits).mean())


def _learner(spec: Spec, data: TrainingData) -> Learner:
    model = build(spec.variant, data.train.features.shape[1], spec.seed)
    training, width = spec.training, max(spec.variant.hidden_units)
    schedule = learning_rate(training.schedule, width, training.epochs, data.steps(training.batch_size))
    return Learner(model, adam(spec.variant, model, schedule))


def _run_epochs(
    run_epoch: Epoch,
    state: State,
    callbacks: keras.callbacks.CallbackList,
    spec: Spec,
    checkpoint: Checkpoint | None,
) -> None:
    """Train until all epochs are done or a callback stops the run; with a checkpoint, resume from it."""
    callbacks.on_train_begin()
    if checkpoint:
        checkpoint.restore(state)
    for epoch in range(len(state.history) + 1, spec.training.epochs + 1):
        started = time.perf_counter()
        callbacks.on_epoch_begin(epoch - 1)
        measured = {name: float(value) for name, value in run_epoch(tf.constant(epoch)).items()}
        if not math.isfinite(measured["train_log_loss"] + measured["val_log_loss"]):
            raise DivergedError(
                f"seed {spec.seed}: the loss is not finite in epoch {epoch}; lower training.schedule.learning_rate"
            )
        state.seconds.append(time.perf_counter() - started)
        state.history.append({"epoch": epoch, **measured})
        callbacks.on_epoch_end(epoch - 1, dict(state.history[-1]))
        if state.model.stop_training:
            break
        if checkpoint:
            checkpoint.save_if_due(state)


def _losses(model: keras.Model, data: TrainingData) -> Losses:
    (train_log_loss, train_accuracy), (val_log_loss, val_accuracy) = (
        evaluate(model, rows) for rows in (data.train, data.validation)
    )
    return Losses(
        train_log_loss=train_log_loss,
        train_accuracy=train_accuracy,
        val_log_loss=val_log_loss,
        val_accuracy=val_accuracy,
    )
