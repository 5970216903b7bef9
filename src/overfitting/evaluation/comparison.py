"""From logits on the test rows and summaries of the runs to what results/metrics.json says of each variant."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from overfitting.config.schema import Evaluation, Variant
from overfitting.evaluation.metrics import Array, row_metrics
from overfitting.evaluation.statistics import (
    PRIMARY,
    REFERENCE,
    difference,
    differences_to,
    ensemble_rows,
    groups,
    interval,
    seed_interval,
)

LOSSES = tuple(f"{part}_log_loss_{epoch}" for part in ("train", "val") for epoch in ("best", "last"))


@dataclass(frozen=True)
class Found:
    """What was found of a variant: `logits` (n_seeds, n_rows) of the test rows and the summary of each seed's run.

    An ensemble has the logits of its members, and their number of parameters, but no runs of its own.
    """

    logits: Array
    parameters: int
    summaries: Sequence[Mapping[str, Any]]
    gap_epochs: Sequence[int | None]
    ensemble_of: str | None = None

    def mean_logits(self) -> Array:
        """Logits to show (n, n_rows): one row a seed; one row for an ensemble."""
        return self.logits.mean(axis=0, keepdims=True) if self.ensemble_of else self.logits


def judge(found: Mapping[str, Found], labels: Array, evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """The `variants` of results/metrics.json; `labels` (n_rows,) of the test rows."""
    rows = {
        metric: {name: _rows(function, labels, variant) for name, variant in found.items()}
        for metric, function in row_metrics(evaluation.calibration_bins).items()
    }
    group = groups(rows[PRIMARY], evaluation.confidence)
    to_large: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in found if name != REFERENCE}
    if REFERENCE in found:
        for metric, values in rows.items():
            for name, compared in differences_to(REFERENCE, values, evaluation.confidence).items():
                to_large[name][metric] = compared
    return {
        name: {
            "description": describe(variant),
            **({"ensemble_of": variant.ensemble_of} if variant.ensemble_of else {}),
            "parameters": variant.parameters,
            **{metric: interval(values[name], evaluation.confidence) for metric, values in rows.items()},
            **({} if variant.ensemble_of else _training(variant, evaluation.confidence)),
            "calibration": calibration(labels, variant.mean_logits(), evaluation.calibration_bins),
            "difference_to_large": to_large.get(name) or None,
            "group": group[name],
        }
        for name, variant in found.items()
    }


def judge_references(
    logits: Mapping[str, Array], large: Array | None, labels: Array, evaluation: Evaluation
) -> dict[str, dict[str, Any]]:
    """The `references` of results/metrics.json, from their logits and those of `large` (n_seeds, n_rows)."""
    metrics = row_metrics(evaluation.calibration_bins)
    confidence = evaluation.confidence
    return {
        name: {
            **{metric: interval(function(labels, values), confidence) for metric, function in metrics.items()},
            "difference_to_large": None
            if large is None
            else {
                metric: difference(function(labels, values), function(labels, large), confidence)
                for metric, function in metrics.items()
            },
        }
        for name, values in logits.items()
    }


def calibration(labels: Array, logits: Array, bins: int) -> dict[str, list[float | None]]:
    """Mean probability, share of signal and number of rows in each of `bins` bins of probability, means over seeds.

    The points of a reliability diagram (Guo et al. 2017); None where a bin is empty. `logits` are (n_seeds, n_rows).
    """
    probabilities = expit(logits)
    index = np.minimum((probabilities * bins).astype(int), bins - 1).ravel()
    count, predicted, observed = (
        np.bincount(index, weights=weights, minlength=bins)
        for weights in (np.ones(index.size), probabilities.ravel(), np.broadcast_to(labels, logits.shape).ravel())
    )
    return {
        "predicted": [float(total / n) if n else None for total, n in zip(predicted, count, strict=True)],
        "observed": [float(total / n) if n else None for total, n in zip(observed, count, strict=True)],
        "rows": (count / len(logits)).tolist(),
    }


def first_gap(validation: Array, training: Array, size: float) -> int | None:
    """The first epoch, counted from 1, whose validation log loss is more than `size` above the training log loss."""
    passed = np.flatnonzero(np.subtract(validation, training) > size)
    return int(passed[0]) + 1 if passed.size else None


def describe(variant: Found) -> str:
    """In what a variant differs from the reference network, by the values that it was trained with."""
    if variant.ensemble_of:
        return f"mean of the logits of {variant.ensemble_of} over the seeds"
    settings = variant.summaries[0]["config"]["variant"]
    standard = {field.name: field.default for field in dataclasses.fields(Variant)}
    stated = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    changed = {key: value for key, value in stated.items() if value != standard[key]} or {
        "hidden_units": standard["hidden_units"]
    }
    return ", ".join(f"{key} {_text(value)}" for key, value in changed.items())


def _text(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()


def _rows(function: Any, labels: Array, variant: Found) -> Array:
    if variant.ensemble_of:
        return ensemble_rows(lambda logits: function(labels, logits), variant.logits)
    rows: Array = function(labels, variant.logits)
    return rows


def _training(variant: Found, confidence: float) -> dict[str, Any]:
    """What the runs say of the training, over seeds."""
    found = variant.summaries
    values: dict[str, Any] = {key: [summary[key] for summary in found] for key in ("best_epoch", "epochs", "seconds")}
    for name in LOSSES:
        loss, epoch = name.rsplit("_", 1)
        values[name] = [summary[epoch][loss] for summary in found]
    for epoch in ("best", "last"):
        values[f"gap_{epoch}"] = np.subtract(values[f"val_log_loss_{epoch}"], values[f"train_log_loss_{epoch}"])
    values["rise_after_best"] = np.subtract(values["val_log_loss_last"], values["val_log_loss_best"])
    for key in ("weight_norm", "near_zero_share", "near_zero_share_initial", "zero_share"):
        values[key] = [summary[key] for summary in found]
    never = [np.inf if epoch is None else epoch for epoch in variant.gap_epochs]
    median = float(np.median(never))
    return {
        "train_rows": found[0]["train_rows"],
        **{key: seed_interval(list(value), confidence) for key, value in values.items()},
        "gap_epoch": {"median": median if np.isfinite(median) else None, "seeds": list(variant.gap_epochs)},
        "weights": {"histogram": np.mean([summary["weight_histogram"] for summary in found], axis=0).round(6).tolist()},
    }
