"""Stage evaluate: the test rows, which no other stage reads, and all runs -> results/metrics.json and predictions."""

import dataclasses
import shutil
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from overfitting.base import files
from overfitting.config.composition import compose_baselines, compose_config
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.evaluation.baselines import FOLDER as BASELINES
from overfitting.evaluation.baselines import plan
from overfitting.evaluation.comparison import compare, predictions, scores
from overfitting.evaluation.runs import Runs, check_fingerprints, curves, predict
from overfitting.training.summary import Summary


def run(config: Config) -> None:
    """Predict the test rows with every run's selected weights, then compare the variants.

    Raises:
        UserError: a run is missing, or does not belong to the configuration, the data and the code.
    """
    _remove_others(config)
    manifest = Manifest.read(files.MANIFEST)
    variants = {name: compose_config([f"variant={name}"]).variant for name in config.variants}
    configs = {name: dataclasses.replace(config, variant=variant) for name, variant in variants.items()}
    _, labels = files.read_rows("test")
    summaries = _summaries(configs, manifest.fingerprint)
    planned = plan(compose_baselines(), manifest.fingerprint)
    baselines = {baseline.name: baseline.prediction() for baseline in planned}
    runs = _runs(configs, summaries)
    metrics = compare(configs, manifest, runs, baselines, np.asarray(labels, np.float64))
    files.RESULTS.mkdir(exist_ok=True)
    predictions(runs, baselines, config.seeds, labels).to_parquet(files.PREDICTIONS, index=False)
    curves(runs, config.seeds).to_csv(files.CURVES, index=False)
    metrics.write(files.METRICS)
    files.write_json(files.SUMMARY, scores(metrics))
    print(metrics.verdict.sentence)


def _summaries(configs: Mapping[str, Config], data: str) -> dict[str, list[Summary]]:
    """Summaries of the runs of each variant that is trained, checked."""
    summaries = {
        name: [Summary.read(folder / "summary.json") for folder in _folders(name, config)]
        for name, config in configs.items()
        if config.variant.ensemble_of is None
    }
    check_fingerprints(summaries, configs, data)
    return summaries


def _runs(configs: Mapping[str, Config], summaries: Mapping[str, list[Summary]]) -> dict[str, Runs]:
    """Runs of all variants; those of an ensemble are its members'."""
    folders = {name: _folders(name, configs[name]) for name in summaries}
    logits = iter(predict([folder for of_variant in folders.values() for folder in of_variant]))
    trained = {
        name: Runs(
            np.stack(list(islice(logits, len(found)))),
            found[0].parameters,
            found,
            [pd.read_csv(folder / "history.csv") for folder in folders[name]],
        )
        for name, found in summaries.items()
    }
    members = {name: config.variant.ensemble_of for name, config in configs.items()}
    return {
        name: trained[name] if member is None else trained[member].ensemble(member) for name, member in members.items()
    }


def _folders(name: str, config: Config) -> list[Path]:
    return [files.RUNS / name / str(seed) for seed in config.seeds]


def _remove_others(config: Config) -> None:
    """Remove variants and baselines that are no longer listed from runs/, on which this stage depends."""
    wanted = {files.RUNS / name for name in config.variants} | {BASELINES / name for name in config.baselines}
    parents = {parent for path in wanted for parent in path.parents}
    found = {path for pattern in ("*", "tuned/*", f"{BASELINES.name}/*") for path in files.RUNS.glob(pattern)}
    for folder in found - wanted - parents:
        shutil.rmtree(folder, ignore_errors=True)
