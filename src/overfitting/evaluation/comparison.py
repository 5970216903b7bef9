"""Compares all variants on the test rows: from logits and run summaries to results/metrics.json."""

import platform
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from overfitting.base import files
from overfitting.base.fingerprint import library_versions, processor
from overfitting.config.schema import Config, Evaluation
from overfitting.data.manifest import Manifest
from overfitting.evaluation import results
from overfitting.evaluation.baselines import Prediction
from overfitting.evaluation.metrics import auc_rows, row_metrics
from overfitting.evaluation.results import PRIMARY, REFERENCE, Metric, Metrics
from overfitting.evaluation.runs import Runs, arithmetic, describe, training
from overfitting.evaluation.statistics import difference, differences_to, groups, interval
from overfitting.evaluation.verdict import verdict
from overfitting.training.identity import comparison_fingerprint
from overfitting.training.loss import Array, log_loss_rows

LIBRARIES = ("tensorflow", "keras", "scikit-learn")  # whose versions the report states
SHOWN: tuple[Metric, ...] = (PRIMARY, "test_auc")  # in results/summary.json


def compare(
    configs: Mapping[str, Config],
    manifest: Manifest,
    runs: Mapping[str, Runs],
    baselines: Mapping[str, Prediction],
    labels: Array,
) -> Metrics:
    """Evaluate and rank all variants, whose `configs` differ in nothing but the variant.

    `labels` are (n_rows,).
    """
    config = next(iter(configs.values()))
    evaluation = config.evaluation
    variants = judge(runs, labels, evaluation)
    large = runs[REFERENCE].logits if REFERENCE in runs else None
    judged = judge_baselines(baselines, large, labels, evaluation)
    python = ".".join(platform.python_version_tuple()[:2])  # a patch release changes no result
    answer = verdict(manifest.test_rows, variants, judged, evaluation)
    return Metrics(
        data=manifest,
        run=results.Run(
            seeds=config.seeds,
            training=config.choices.training,
            fingerprint=comparison_fingerprint(
                configs, manifest.fingerprint, [found.fingerprint for found in baselines.values()]
            ),
            processor=processor(),
            versions={"python": python, **library_versions(*LIBRARIES)},
            arithmetic=arithmetic(runs.values()),
        ),
        variants=variants,
        baselines=judged,
        weight_bins=next((found.summaries[0].weight_bins for found in runs.values() if found.summaries), ()),
        gap_size=evaluation.gap,
        champion=champion(answer.ranking[0], runs, config.seeds, labels),
        verdict=answer,
    )


def judge(runs: Mapping[str, Runs], labels: Array, evaluation: Evaluation) -> dict[str, results.Variant]:
    """Evaluate each variant on the test rows, whose `labels` are (n_rows,), and compare it with `large`."""
    confidence = evaluation.confidence
    rows = {
        metric: {name: found.row_values(function, labels) for name, found in runs.items()}
        for metric, function in row_metrics(evaluation.calibration_bins).items()
    }
    group = groups(rows[PRIMARY], confidence)
    to_large = {metric: differences_to(REFERENCE, values, confidence) for metric, values in rows.items()}
    return {
        name: results.Variant(
            description=describe(found),
            ensemble_of=found.ensemble_of,
            parameters=found.parameters,
            metrics={metric: interval(values[name], confidence) for metric, values in rows.items()},
            training=None if found.ensemble_of else training(found, evaluation),
            calibration=calibration(labels, found.final_logits, evaluation.calibration_bins),
            difference_to_large={metric: compared[name] for metric, compared in to_large.items() if name in compared}
            or None,
            group=group[name],
        )
        for name, found in runs.items()
    }


def judge_baselines(
    predictions: Mapping[str, Prediction], large: Array | None, labels: Array, evaluation: Evaluation
) -> dict[str, results.Baseline]:
    """Evaluate each baseline on the test rows; `large` holds the logits (n_seeds, n_rows) of that variant."""
    metrics, confidence = row_metrics(evaluation.calibration_bins), evaluation.confidence
    of_large = {} if large is None else {metric: function(labels, large) for metric, function in metrics.items()}
    found = {}
    for name, prediction in predictions.items():
        rows = {metric: function(labels, prediction.logits) for metric, function in metrics.items()}
        to_large = {metric: difference(rows[metric], other, confidence) for metric, other in of_large.items()}
        means = {metric: interval(of, confidence) for metric, of in rows.items()}
        found[name] = results.Baseline(
            train_rows=prediction.train_rows, metrics=means, difference_to_large=to_large or None
        )
    return found


def calibration(labels: Array, logits: Array, bins: int) -> results.Calibration:
    """Points of a reliability diagram (Guo et al. 2017) with `bins` bins of equal width.

    Probabilities and shares are over all seeds of `logits` (n_seeds, n_rows); numbers of rows are means over seeds.
    """
    probabilities = expit(logits)
    index = np.minimum((probabilities * bins).astype(int), bins - 1).ravel()
    count, predicted, observed = (
        np.bincount(index, weights=weights, minlength=bins)
        for weights in (np.ones(index.size), probabilities.ravel(), np.broadcast_to(labels, logits.shape).ravel())
    )
    return results.Calibration(
        predicted=tuple(float(total / n) if n else None for total, n in zip(predicted, count, strict=True)),
        observed=tuple(float(total / n) if n else None for total, n in zip(observed, count, strict=True)),
        rows=tuple((count / len(logits)).tolist()),
    )


def champion(name: str, runs: Mapping[str, Runs], seeds: Sequence[int], labels: Array) -> results.Champion:
    """The best model of the best variant `name`: the seed with the lowest validation log loss, or the ensemble."""
    best = runs[name]
    member, column, logits = best.ensemble_of or name, name, best.final_logits[0]
    if not best.ensemble_of:
        index = int(np.argmin([summary.best.val_log_loss for summary in best.summaries]))
        seeds, logits = [seeds[index]], best.logits[index]
        column = f"{name}/{seeds[0]}"
    return results.Champion(
        variant=name,
        column=column,
        models=tuple(str(files.RUNS / member / str(seed) / "model.keras") for seed in seeds),
        test_log_loss=float(log_loss_rows(labels, logits).mean()),
        test_auc=float(auc_rows(labels, logits).mean()),
    )


def predictions(
    runs: Mapping[str, Runs], baselines: Mapping[str, Prediction], seeds: Sequence[int], labels: Array
) -> pd.DataFrame:
    """Table of results/predictions.parquet: labels and logits, a column per run (`l2/0`), ensemble and baseline."""
    columns = {"label": labels.astype(np.float32)}
    columns |= {name: found.final_logits[0] for name, found in runs.items() if found.ensemble_of}
    trained = {name: found.logits for name, found in runs.items() if not found.ensemble_of}
    of_baselines = {name: found.logits for name, found in baselines.items()}
    for name, logits in {**trained, **of_baselines}.items():
        columns |= {f"{name}/{seed}": row for seed, row in zip(seeds, logits, strict=True)}
    return pd.DataFrame(columns)


def scores(metrics: Metrics) -> dict[Metric, dict[str, float]]:
    """Content of results/summary.json, which DVC shows and compares: one number per metric and variant."""
    return {
        metric: {name: round(found.metrics[metric].mean, 5) for name, found in metrics.variants.items()}
        for metric in SHOWN
    }
