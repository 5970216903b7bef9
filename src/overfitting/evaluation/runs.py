"""Runs of a variant: what `train` wrote for each seed, and the logits of the test rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.config.schema import Config, Evaluation, Variant
from overfitting.evaluation.metrics import RowMetric
from overfitting.evaluation.results import Estimate, GapEpoch, Training
from overfitting.evaluation.statistics import ensemble_rows, seed_interval
from overfitting.training.identity import Code, run_fingerprint
from overfitting.training.loss import Array
from overfitting.training.summary import Summary

PER_PROCESS = 10


@dataclass(frozen=True)
class Runs:
    """All runs of a variant, one per seed. An ensemble has the logits of its members and no runs of its own."""

    logits: Array  # (n_seeds, n_rows), of the test rows
    parameters: int
    summaries: Sequence[Summary] = ()
    histories: Sequence[pd.DataFrame] = ()  # one row per epoch
    ensemble_of: str | None = None

    def ensemble(self, name: str) -> "Runs":
        """The ensemble that averages the logits of these runs; `name` is their variant."""
        return Runs(self.logits, len(self.logits) * self.parameters, ensemble_of=name)

    @property
    def final_logits(self) -> Array:
        """Logits of each predictor: one row per seed, or one row for an ensemble."""
        return self.logits.mean(axis=0, keepdims=True) if self.ensemble_of else self.logits

    def row_values(self, metric: RowMetric, labels: Array) -> Array:
        """Row values (n_seeds, n_rows) of a metric; those of an ensemble are pseudo-values (see `ensemble_rows`)."""
        if self.ensemble_of:
            return ensemble_rows(lambda logits: metric(labels, logits), self.logits)
        return metric(labels, self.logits)


def check_fingerprints(summaries: Mapping[str, Sequence[Summary]], configs: Mapping[str, Config], data: str) -> None:
    """Check that all runs were trained with the present configuration, code and data, whose fingerprint is `data`.

    Raises:
        UserError: some were not; the message names them and the command that trains them again.
    """
    code = Code.read()
    foreign: dict[str, list[str]] = {}
    for name, found in summaries.items():
        for seed, summary in zip(configs[name].seeds, found, strict=True):
            if summary.fingerprint != run_fingerprint(configs[name], seed, data, code):
                foreign.setdefault(name, []).append(str(seed))
    if foreign:
        listed = ", ".join(f"{name} (seed {', '.join(seeds)})" for name, seeds in foreign.items())
        raise UserError(
            f"these runs were trained with another configuration, other data or other code: {listed}; "
            f"train them again:\n  dvc repro --force --single-item {' '.join(f'train@{name}' for name in foreign)}"
        )


def predict(folders: Sequence[Path]) -> Array:
    """Logits (n_runs, n_rows) of the test rows by the network in each folder, computed side by side.

    Each process loads TensorFlow, which is worth its time for `PER_PROCESS` networks.
    """
    processes = min(cpu_count(), -(-len(folders) // PER_PROCESS))
    shares = Parallel(processes)(delayed(_predict)(folders[first::processes]) for first in range(processes))
    logits: Array = np.empty((len(folders), shares[0].shape[1]), shares[0].dtype)
    for first, share in enumerate(shares):
        logits[first::processes] = share
    return logits


def _predict(folders: Sequence[Path]) -> Array:
    from overfitting.training import network
    from overfitting.training.backend import keras, start

    start(threads=1)
    features, _ = files.read_rows("test")
    models = (keras.models.load_model(folder / "model.keras") for folder in folders)
    return np.stack([network.predict(model, features) for model in models])


def training(runs: Runs, evaluation: Evaluation) -> Training:
    """Means over seeds of what the runs of a variant reached, with Student's intervals."""

    def over_seeds(values: Iterable[float]) -> Estimate:
        return seed_interval(list(values), evaluation.confidence)

    found = runs.summaries
    best, last = [summary.best for summary in found], [summary.last for summary in found]
    return Training(
        fingerprints=tuple(summary.fingerprint for summary in found),
        train_rows=found[0].train_rows,
        best_epoch=over_seeds(summary.best_epoch for summary in found),
        epochs=over_seeds(summary.epochs for summary in found),
        train_log_loss_best=over_seeds(losses.train_log_loss for losses in best),
        train_log_loss_last=over_seeds(losses.train_log_loss for losses in last),
        val_log_loss_best=over_seeds(losses.val_log_loss for losses in best),
        val_log_loss_last=over_seeds(losses.val_log_loss for losses in last),
        gap_best=over_seeds(losses.val_log_loss - losses.train_log_loss for losses in best),
        gap_last=over_seeds(losses.val_log_loss - losses.train_log_loss for losses in last),
        rise_after_best=over_seeds(end.val_log_loss - low.val_log_loss for low, end in zip(best, last, strict=True)),
        weight_norm=over_seeds(summary.weight_norm for summary in found),
        near_zero_share=over_seeds(summary.near_zero_share for summary in found),
        near_zero_share_initial=over_seeds(summary.near_zero_share_initial for summary in found),
        zero_share=over_seeds(summary.zero_share for summary in found),
        gap_epoch=_gap_epoch(runs.histories, evaluation.gap),
        weight_histogram=np.mean([summary.weight_histogram for summary in found], axis=0).round(6).tolist(),
    )


def first_gap(history: pd.DataFrame, size: float) -> int | None:
    """First epoch, counted from 1, whose validation log loss exceeds its training log loss by more than `size`."""
    passed = np.flatnonzero(history["val_log_loss"].to_numpy() - history["train_log_loss"].to_numpy() > size)
    return int(passed[0]) + 1 if passed.size else None


def describe(runs: Runs) -> str:
    """How a variant differs from `large`, by the settings it was trained with."""
    if runs.ensemble_of:
        return f"mean of the logits of {runs.ensemble_of} over the seeds"
    variant = Variant(**runs.summaries[0].config.variant)
    changed = variant.differences() or {"hidden_units": variant.hidden_units}
    return ", ".join(f"{key} {_text(value)}" for key, value in changed.items())


def arithmetic(runs: Iterable[Runs]) -> str:
    """Precision of the trainings, and whether XLA compiled them, such as `float32` or `mixed_bfloat16 with XLA`."""
    settings = [summary.config.training for found in runs for summary in found.summaries]
    return ", ".join(sorted({s["precision"] + (" with XLA" if s["jit_compile"] else "") for s in settings}))


def curves(runs: Mapping[str, Runs], seeds: Sequence[int]) -> pd.DataFrame:
    """Learning curves of all runs (results/curves.csv), without durations, which differ each time."""
    histories = {
        (name, seed): history
        for name, found in runs.items()
        for seed, history in zip(seeds, found.histories, strict=False)  # an ensemble has none
    }
    return pd.concat(histories, names=["variant", "seed"]).reset_index(["variant", "seed"])


def _gap_epoch(histories: Sequence[pd.DataFrame], size: float) -> GapEpoch:
    """Seeds whose gap never exceeds `size` count as later than all others in the median."""
    epochs = [first_gap(history, size) for history in histories]
    median = float(np.median([np.inf if epoch is None else epoch for epoch in epochs]))
    return GapEpoch(median=median if np.isfinite(median) else None, seeds=tuple(epochs))


def _text(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
