"""Training of one run: epochs, selection of the best, callbacks, checkpoints."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.training import fit, keras_file
from overfitting.training.backend import keras, tf
from overfitting.training.checkpoint import Checkpoint, State
from overfitting.training.epoch import Epoch, Learner, Spec, epoch_function
from overfitting.training.history import Row
from overfitting.training.network import build
from overfitting.training.optimizer import adam, learning_rate
from overfitting.training.rows import TrainingData
from overfitting.training.summary import Outcome


class DivergedError(UserError):
    """The loss of a run is no longer finite: the learning rate or the strength of a remedy is too large."""


@dataclass(frozen=True)
class Trained:
    """A finished run: the network with the weights of its best epoch (early) and of its last epoch (late)."""

    early: keras.Model
    late: keras.Model
    history: list[Row]
    outcome: Outcome
    seconds: list[float]  # of each epoch

    def save(self, folder: Path) -> None:
        """Write early.keras and late.keras."""
        keras_file.save(self.early, folder / "early.keras")
        keras_file.save(self.late, folder / "late.keras")


def train(
    spec: Spec,
    data: TrainingData,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train one run; the best epoch is the one with the lowest validation log loss.

    `callbacks` get each epoch's row of the history as `logs`, under the names of `history.COLUMNS`, and may stop the
    run. Of Keras's hooks those of the training and of its epochs are called; a step is part of a compiled epoch. With a
    `checkpoint` a run that was killed resumes where the checkpoint was taken, to the same result.

    Raises:
        DivergedError: a loss is not finite.
        UserError: a remedy does not fit the columns.
    """
    model, late = (build(spec.variant, data.train.features.shape[1], spec.seed) for _ in range(2))
    learner = Learner(model, _optimizer(spec, data, model))
    initial = fit.near_zero_share(model)
    run_epoch = epoch_function(spec, learner, data)
    selection = keras.callbacks.EarlyStopping(
        "val_log_loss",
        patience=spec.training.patience or spec.training.epochs,
        mode="min",
        restore_best_weights=True,
    )
    callback_list = keras.callbacks.CallbackList([selection, *callbacks], model=model)
    model.optimizer = learner.optimizer
    model.stop_training = False
    state = State(model, learner.optimizer, selection, history=[], seconds=[])
    _run_epochs(run_epoch, state, callback_list, spec, checkpoint)
    late.set_weights(model.get_weights())
    callback_list.on_train_end()  # here Keras restores the weights of the best epoch
    model.optimizer = None  # else its state, twice the weights, is saved with them
    outcome = Outcome(
        train_rows=len(data.train.labels),
        epochs=len(state.history),
        best_epoch=int(min(state.history, key=lambda row: row["val_log_loss"])["epoch"]),
        early=fit.measure(model, data),
        late=fit.measure(late, data),
        parameters=model.count_params(),
        near_zero_share_initial=initial,
        weight_bins=tuple(fit.BINS.tolist()),
    )
    return Trained(model, late, state.history, outcome, state.seconds)


def _optimizer(spec: Spec, data: TrainingData, model: keras.Model) -> keras.Optimizer:
    training, width = spec.training, max(spec.variant.hidden_units)
    steps, _ = data.batches(training.batch_size)
    return adam(spec.variant, model, learning_rate(training.schedule, width, training.epochs, steps))


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
        if not math.isfinite(measured["train_log_loss"] + measured["val_log_loss"] + measured["penalty"]):
            raise _diverged(spec, epoch, measured)
        state.seconds.append(time.perf_counter() - started)
        state.history.append({"epoch": epoch, **measured})
        callbacks.on_epoch_end(epoch - 1, dict(state.history[-1]))
        if state.model.stop_training:
            break
        if checkpoint:
            checkpoint.save_if_due(state)


def _diverged(spec: Spec, epoch: int, measured: Row) -> DivergedError:
    infinite = [name for name in ("train_log_loss", "val_log_loss", "penalty") if not math.isfinite(measured[name])]
    causes = {"training.schedule.learning_rate": spec.training.schedule.learning_rate}
    causes |= {f"variant.{name}": strength for name, strength in spec.variant.strengths.items()}
    place = f"epoch {epoch} ({', '.join(infinite)}; random seed {spec.seed})"
    listed = " or ".join(f"{name} ({value})" for name, value in causes.items())
    return DivergedError(f"the loss is not finite in {place}; lower {listed}")
