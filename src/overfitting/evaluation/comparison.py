"""Compares all variants on the test rows: from logits and run summaries to results/metrics.json."""

import dataclasses
import platform
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from overfitting.base import files
from overfitting.base.fingerprint import library_versions, processor
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.data.test_rows import Own, correlation, own_rows
from overfitting.evaluation import results
from overfitting.evaluation.baselines import Prediction
from overfitting.evaluation.judge import Judge
from overfitting.evaluation.results import PHASES, PRIMARY, REFERENCE, Block, Difference, Metrics
from overfitting.evaluation.runs import Runs, arithmetic, describe
from overfitting.evaluation.training import training
from overfitting.evaluation.verdict import verdict
from overfitting.training.identity import comparison_fingerprint
from overfitting.training.loss import Array

LIBRARIES = ("tensorflow", "keras", "scikit-learn")  # whose versions the report states
BLOCKS: tuple[Block, ...] = ("ranked", "given strength", "ensemble")
LEVELS = (0.8, 0.9, 0.95, 0.99)  # confidences that a reader of the page can choose, beside the configured one
EARLY_STOPPING = "early stopping"  # name of `large` early among the late differences


def compare(
    configs: Mapping[str, Config],
    manifest: Manifest,
    runs: Mapping[str, Runs],
    baselines: Mapping[str, Prediction],
    labels: Array,
    failed: Mapping[str, str] = MappingProxyType({}),
) -> Metrics:
    """Evaluate and rank all variants, whose `configs` differ in nothing but the variant.

    `labels` are (n_rows,); `failed` variants have a reason instead of runs.
    """
    config = next(iter(configs.values()))
    own = own_rows(manifest, config.seeds)
    judge = Judge(labels, config.evaluation, correlation(manifest, config.seeds), own)
    losses = {phase: {name: judge.losses(found.predictors(phase)) for name, found in runs.items()} for phase in PHASES}
    late, early = _late(losses, judge), judge.compared(losses["early"])
    variants = _variants(runs, judge, losses["early"], early, late)
    ranking = sorted(
        variants, key=lambda name: (BLOCKS.index(variants[name].block), variants[name].early.log_loss.mean)
    )
    best = tuple(name for name in ranking if variants[name].is_best)
    python = ".".join(platform.python_version_tuple()[:2])  # a patch release changes no result
    measured = Metrics(
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
            confidence=config.evaluation.confidence,
            margin=config.evaluation.margin,
            overlap=judge.overlap,
        ),
        variants=variants,
        early_stopping=late.get(EARLY_STOPPING),
        tuning=_tuning(losses["early"], judge),
        failed=dict(failed),
        baselines=_baselines(baselines, losses["early"].get(REFERENCE), judge),
        weight_bins=next((found.first.weight_bins for found in runs.values() if found.summaries), ()),
        gap_size=config.evaluation.gap,
        champion=_champion(runs, config.seeds, judge),
        verdict=results.Verdict(prevents="", predicts="", details=(), best=best, ranking=tuple(ranking)),
        levels=_levels(losses, [name for name in ranking if variants[name].block == "ranked"], baselines, judge),
    )
    return measured.model_copy(update={"verdict": verdict(measured)})


def _late(losses: Mapping[results.Phase, Mapping[str, Array]], judge: Judge) -> dict[str, Difference]:
    """Late differences to `large` late; `large` early is one of them."""
    stopped = {EARLY_STOPPING: losses["early"][REFERENCE]} if REFERENCE in losses["early"] else {}
    return judge.compared({**losses["late"], **stopped})


def _variants(
    runs: Mapping[str, Runs],
    judge: Judge,
    losses: Mapping[str, Array],
    early: Mapping[str, Difference],
    late: Mapping[str, Difference],
) -> dict[str, results.Variant]:
    blocks = {name: _block(name, runs) for name in runs}
    best = judge.best({name: losses[name] for name in runs if blocks[name] == "ranked"})
    return {
        name: results.Variant(
            description=describe(found),
            parameters=found.parameters,
            networks=found.repeats,
            block=blocks[name],
            is_best=name in best,
            early=results.Scores(metrics=judge.metrics(found.predictors("early")), difference=early.get(name)),
            late=results.Scores(metrics=judge.metrics(found.predictors("late")), difference=late.get(name)),
            calibration=judge.calibration(found.predictors("early")),
            ensemble_of=found.ensemble_of,
            training=None if found.ensemble_of else training(found, judge),
        )
        for name, found in runs.items()
    }


def _block(name: str, runs: Mapping[str, Runs]) -> Block:
    """A strength is given if the same remedy is also there at the strength that its search chose."""
    if runs[name].ensemble_of:
        return "ensemble"
    return "given strength" if f"tuned/{name}" in runs else "ranked"


def _tuning(losses: Mapping[str, Array], judge: Judge) -> dict[str, Difference]:
    """What tuning bought: early differences of each tuned strength to the given one."""
    pairs = {name: losses[f"tuned/{name}"] - rows for name, rows in losses.items() if f"tuned/{name}" in losses}
    return judge.differences(pairs)


def _baselines(predictions: Mapping[str, Prediction], large: Array | None, judge: Judge) -> dict[str, results.Baseline]:
    """Results of each baseline, compared with `large` early, whose row losses are (n_seeds, n_rows)."""
    compared = _baseline_differences(predictions, large, judge)
    return {
        name: results.Baseline(
            train_rows=found.train_rows, metrics=judge.metrics(found.logits[:, None]), difference=compared.get(name)
        )
        for name, found in predictions.items()
    }


def _baseline_differences(
    predictions: Mapping[str, Prediction], large: Array | None, judge: Judge
) -> dict[str, Difference]:
    if large is None:
        return {}
    return judge.differences({name: judge.losses(found.logits[:, None]) - large for name, found in predictions.items()})


def _levels(
    losses: Mapping[results.Phase, Mapping[str, Array]],
    ranked: Sequence[str],
    baselines: Mapping[str, Prediction],
    judge: Judge,
) -> tuple[results.Level, ...]:
    """Intervals and best sets at all `LEVELS`; none with one seed, which has no intervals."""
    early = losses["early"]
    if len(next(iter(early.values()))) < 2:
        return ()
    found = []
    for confidence in sorted({*LEVELS, judge.evaluation.confidence}):
        at = dataclasses.replace(judge, evaluation=dataclasses.replace(judge.evaluation, confidence=confidence))
        others = _baseline_differences(baselines, early.get(REFERENCE), at)
        sides = {"late": _late(losses, at), "early": {**at.compared(early), **others}}
        intervals = {side: {name: each.interval for name, each in of.items()} for side, of in sides.items()}
        best = at.best({name: early[name] for name in ranked})
        found.append(results.Level(confidence=confidence, best=best, **intervals))
    return tuple(found)


def _champion(runs: Mapping[str, Runs], seeds: Sequence[int], judge: Judge) -> results.Champion:
    """The trained variant with the lowest mean validation log loss, and of it the run with the lowest one."""
    losses = {
        name: found.by_seed(lambda summary: summary.early.val_log_loss)
        for name, found in runs.items()
        if found.summaries
    }
    name = min(losses, key=lambda name: losses[name].mean())
    found = [
        (summary.early.val_log_loss, i, j) for i, of in enumerate(runs[name].summaries) for j, summary in enumerate(of)
    ]
    loss, seed, repeat = min(found)
    column = _column(name, seeds[seed], repeat)
    scores = judge.scores(runs[name].predictors("early")[seed, repeat], seed)
    return results.Champion(
        variant=name,
        column=column,
        models=(f"{files.RUNS / column}/early.keras",),
        val_log_loss=loss,
        test_log_loss=scores[PRIMARY],
        test_auc=scores["test_auc"],
    )


def _column(name: str, seed: int, repeat: int) -> str:
    return f"{name}/{seed}" + (f".{repeat}" if repeat else "")


def predictions(
    runs: Mapping[str, Runs],
    baselines: Mapping[str, Prediction],
    seeds: Sequence[int],
    labels: Array,
    own: Own | None = None,
) -> pd.DataFrame:
    """Table of results/predictions.parquet: labels and logits, such as `l2/0`, `large/0.1`, `l2/0 late`.

    With repeated splits the logits of a seed's other rows are NaN.
    """
    columns = {"label": labels.astype(np.float32)}

    def tested(logits: NDArray[Any], seed: int) -> NDArray[Any]:
        kept = np.ones(labels.size, bool) if own is None else np.isin(np.arange(labels.size), own[seed])
        return np.where(kept, logits, np.nan)

    for phase in PHASES:
        suffix = " late" if phase == "late" else ""
        for name, found in runs.items():
            for index, of_seed in enumerate(found.predictors(phase)):
                columns |= {
                    _column(name, seeds[index], repeat) + suffix: tested(row, index)
                    for repeat, row in enumerate(of_seed)
                }
    for name, prediction in baselines.items():
        columns |= {f"{name}/{seed}": tested(prediction.logits[index], index) for index, seed in enumerate(seeds)}
    return pd.DataFrame(columns)


def scores(metrics: Metrics) -> dict[str, dict[str, float]]:
    """Metrics of each variant in results/summary/, which DVC shows and compares: a file each, so a row each."""
    return {
        name: {
            "test_log_loss": round(found.early.log_loss.mean, 5),
            "test_log_loss_late": round(found.late.log_loss.mean, 5),
            "test_auc": round(found.early.metrics["test_auc"].mean, 5),
        }
        for name, found in metrics.variants.items()
    }
