"""Compares all variants on the test rows: from logits and run summaries to results/metrics.json."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
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
from overfitting.evaluation.metrics import Judge
from overfitting.evaluation.results import PHASES, PRIMARY, REFERENCE, Block, Difference, Metrics, Phase, Scores
from overfitting.evaluation.runs import Runs, arithmetic, describe, training
from overfitting.evaluation.verdict import verdict
from overfitting.training.identity import comparison_fingerprint, run_folder
from overfitting.training.loss import Array

LIBRARIES = ("tensorflow", "keras", "scikit-learn")  # whose versions the report states
BLOCKS: tuple[Block, ...] = ("ranked", "given strength", "ensemble")
LEVELS = (0.8, 0.9, 0.95, 0.99)  # confidences that a reader of the page can choose, beside the configured one
EARLY_STOPPING = "early stopping"  # name of `large` early among the late differences

Losses = Mapping[str, Mapping[str, Array]]  # row losses (n_seeds, n_rows), by "early", "late" and "baselines", by name


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
    judge = Judge(labels, config.evaluation, correlation(manifest, config.seeds), own_rows(manifest, config.seeds))
    losses: Losses = {
        **{phase: {name: judge.losses(of.logits[phase]) for name, of in runs.items()} for phase in PHASES},
        "baselines": {name: judge.losses(found.logits[:, None]) for name, found in baselines.items()},
    }
    early, differences = losses["early"], _differences(losses, judge)
    variants = _variants(runs, judge, early, differences)
    ranking = sorted(variants, key=lambda key: (BLOCKS.index(variants[key].block), variants[key].early.log_loss.mean))
    best = tuple(name for name in ranking if variants[name].is_best)
    measured = Metrics(
        data=manifest,
        run=_run(configs, manifest, runs, baselines, judge),
        variants=variants,
        early_stopping=differences["late"].get(EARLY_STOPPING),
        tuning=judge.differences(
            {name: early[f"tuned/{name}"] - rows for name, rows in early.items() if f"tuned/{name}" in early}
        ),
        failed=dict(failed),
        baselines={
            name: results.Baseline(
                train_rows=found.train_rows,
                metrics=judge.metrics(found.logits[:, None]),
                difference=differences["baselines"].get(name),
            )
            for name, found in baselines.items()
        },
        weight_bins=next(found.first.weight_bins for found in runs.values() if found.summaries),
        gap_size=config.evaluation.gap,
        champion=_champion(runs, config.seeds, judge),
        verdict=results.Verdict(prevents="", predicts="", details=(), best=best, ranking=tuple(ranking)),
        levels=_levels(losses, [name for name in ranking if variants[name].block == "ranked"], judge),
    )
    return measured.model_copy(update={"verdict": verdict(measured)})


def _run(
    configs: Mapping[str, Config],
    manifest: Manifest,
    runs: Mapping[str, Runs],
    baselines: Mapping[str, Prediction],
    judge: Judge,
) -> results.Run:
    config, fits = next(iter(configs.values())), [found.fingerprint for found in baselines.values()]
    return results.Run(
        seeds=config.seeds,
        training=config.choices.training,
        fingerprint=comparison_fingerprint(configs, manifest.fingerprint, fits),
        processor=processor(),
        # a patch release of Python changes no result
        versions={"python": ".".join(platform.python_version_tuple()[:2]), **library_versions(*LIBRARIES)},
        arithmetic=arithmetic(runs.values()),
        confidence=judge.evaluation.confidence,
        margin=judge.evaluation.margin,
        overlap=judge.overlap,
    )


def _differences(losses: Losses, judge: Judge) -> dict[str, dict[str, Difference]]:
    """Differences to `large`, by phase; `large` early is one of the late ones. Baselines differ from `large` early."""
    large = losses["early"].get(REFERENCE)
    if large is None:
        return {key: {} for key in losses}
    return {
        "early": judge.compared(losses["early"]),
        "late": judge.compared({**losses["late"], EARLY_STOPPING: large}),
        "baselines": judge.differences({name: rows - large for name, rows in losses["baselines"].items()}),
    }


def _levels(losses: Losses, ranked: Sequence[str], judge: Judge) -> tuple[results.Level, ...]:
    """Intervals and best sets at all `LEVELS`; none with one seed, which has no intervals."""
    if len(next(iter(losses["early"].values()))) < 2:
        return ()
    found = []
    for confidence in sorted({*LEVELS, judge.evaluation.confidence}):
        at = replace(judge, evaluation=replace(judge.evaluation, confidence=confidence))
        differences = _differences(losses, at)
        intervals = {side: {name: each.interval for name, each in of.items()} for side, of in differences.items()}
        best = at.best({name: losses["early"][name] for name in ranked})
        early = {**intervals["early"], **intervals["baselines"]}
        found.append(results.Level(confidence=confidence, late=intervals["late"], early=early, best=best))
    return tuple(found)


def _variants(
    runs: Mapping[str, Runs],
    judge: Judge,
    losses: Mapping[str, Array],
    differences: Mapping[str, Mapping[str, Difference]],
) -> dict[str, results.Variant]:
    """Results by name; `losses` are those of early weights."""
    blocks: dict[str, Block] = {  # a strength is given if the same remedy is also there at its tuned strength
        name: "ensemble" if found.ensemble_of else "given strength" if f"tuned/{name}" in runs else "ranked"
        for name, found in runs.items()
    }
    best = judge.best({name: losses[name] for name in runs if blocks[name] == "ranked"})

    def scores(name: str, phase: Phase) -> Scores:
        return Scores(metrics=judge.metrics(runs[name].logits[phase]), difference=differences[phase].get(name))

    return {
        name: results.Variant(
            description=describe(found),
            parameters=found.parameters,
            networks=found.networks,
            block=blocks[name],
            is_best=name in best,
            early=scores(name, "early"),
            late=scores(name, "late"),
            calibration=judge.calibration(found.logits["early"]),
            ensemble_of=found.ensemble_of,
            training=None if found.ensemble_of else training(found, judge),
        )
        for name, found in runs.items()
    }


def _champion(runs: Mapping[str, Runs], seeds: Sequence[int], judge: Judge) -> results.Champion:
    """The trained variant with the lowest mean validation log loss, and of it the run with the lowest one."""
    trained = [name for name, found in runs.items() if found.summaries]
    name = min(trained, key=lambda name: runs[name].by_seed("early.val_log_loss").mean())
    loss, seed, repeat = min(
        (summary.early.val_log_loss, i, j) for i, of in enumerate(runs[name].summaries) for j, summary in enumerate(of)
    )
    scores, folder = judge.scores(runs[name].logits["early"][seed, repeat], seed), run_folder(name, seeds[seed], repeat)
    return results.Champion(
        variant=name,
        column=folder.relative_to(files.RUNS).as_posix(),
        models=((folder / "early.keras").as_posix(),),
        val_log_loss=loss,
        test_log_loss=scores[PRIMARY],
        test_auc=scores["test_auc"],
    )


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
    tables = [(found.logits[phase], name, phase) for phase in PHASES for name, found in runs.items()]
    tables += [(found.logits[:, None], name, "early") for name, found in baselines.items()]
    columns: dict[str, NDArray[Any]] = {"label": labels.astype(np.float32)}
    for logits, name, phase in tables:
        for index, of_seed in enumerate(logits):
            tested = True if own is None else np.isin(np.arange(labels.size), own[index])
            for repeat, row in enumerate(of_seed):
                column = run_folder(name, seeds[index], repeat, root=Path()).as_posix()
                columns[f"{column} late" if phase == "late" else column] = np.where(tested, row, np.nan)
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
