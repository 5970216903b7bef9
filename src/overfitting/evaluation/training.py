"""Training results of a variant: what its early and late weights reached, with intervals over the seeds."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from overfitting.evaluation.judge import Judge
from overfitting.evaluation.results import Estimate, Fits, GapEpoch, Phase, RunScores, Training
from overfitting.evaluation.runs import Runs
from overfitting.training.summary import Fit, Summary


def training(runs: Runs, judge: Judge) -> Training:
    """Training results of a variant that is trained; values of a seed are means over its repeats."""

    def over_seeds(value: Callable[[Summary], float]) -> Estimate:
        return judge.over_seeds(runs.by_seed(value))

    return Training(
        runs=_run_scores(runs, judge),
        train_rows=runs.first.train_rows,
        best_epoch=over_seeds(lambda summary: summary.best_epoch),
        epochs=over_seeds(lambda summary: summary.epochs),
        early=_fits(runs, judge, "early"),
        late=_fits(runs, judge, "late"),
        near_zero_share_initial=over_seeds(lambda summary: summary.near_zero_share_initial),
        gap_epoch=_gap_epoch([of_seed[0] for of_seed in runs.histories], judge.evaluation.gap),
    )


def _fits(runs: Runs, judge: Judge, phase: Phase) -> Fits:
    """Means over seeds of what the early or late weights reached."""

    def fit(summary: Summary) -> Fit:
        found: Fit = getattr(summary, phase)
        return found

    def over_seeds(value: Callable[[Fit], float]) -> Estimate:
        return judge.over_seeds(runs.by_seed(lambda summary: value(fit(summary))))

    fitted = runs.by_seed(lambda summary: fit(summary).train_log_loss)
    histograms = [fit(summary).weight_histogram for of_seed in runs.summaries for summary in of_seed]
    return Fits(
        train_log_loss=judge.over_seeds(fitted),
        val_log_loss=over_seeds(lambda found: found.val_log_loss),
        gap=judge.interval(judge.losses(runs.predictors(phase)) - fitted[:, None]),
        weight_norm=over_seeds(lambda found: found.weight_norm),
        near_zero_share=over_seeds(lambda found: found.near_zero_share),
        zero_share=over_seeds(lambda found: found.zero_share),
        val_log_loss_pruned=over_seeds(lambda found: found.val_log_loss_pruned),
        weight_histogram=tuple(np.mean(histograms, axis=0).round(6).tolist()),
    )


def _run_scores(runs: Runs, judge: Judge) -> tuple[RunScores, ...]:
    """Results of each run on the test rows."""
    return tuple(
        RunScores(
            seed=summary.seed,
            repeat=summary.repeat,
            fingerprint=summary.fingerprint,
            early=judge.scores(runs.logits["early"][index, repeat], index),
            late=judge.scores(runs.logits["late"][index, repeat], index),
        )
        for index, of_seed in enumerate(runs.summaries)
        for repeat, summary in enumerate(of_seed)
    )


def first_gap(history: pd.DataFrame, size: float) -> int | None:
    """First epoch, counted from 1, whose validation log loss exceeds its training log loss by more than `size`."""
    passed = np.flatnonzero(history["val_log_loss"].to_numpy() - history["train_log_loss"].to_numpy() > size)
    return int(passed[0]) + 1 if passed.size else None


def _gap_epoch(histories: Sequence[pd.DataFrame], size: float) -> GapEpoch:
    """Seeds whose gap never exceeds `size` count as later than all others in the median."""
    epochs = [first_gap(history, size) for history in histories]
    median = float(np.median([np.inf if epoch is None else epoch for epoch in epochs]))
    return GapEpoch(median=median if np.isfinite(median) else None, seeds=tuple(epochs))
