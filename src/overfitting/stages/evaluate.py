"""Stage evaluate: the test rows, which no other stage reads, and all runs -> results/metrics.json and predictions."""

import dataclasses
import shutil
from collections.abc import Mapping

import numpy as np
import pandas as pd

from overfitting.base import files
from overfitting.config.composition import compose_config
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.evaluation.baselines import baseline_logits
from overfitting.evaluation.comparison import compare, predictions, scores
from overfitting.evaluation.runs import Runs, check_fingerprints, curves, predict
from overfitting.training.loss import Array
from overfitting.training.summary import Summary


def run(config: Config) -> None:
    """Predict the test rows with every run's selected weights, then compare the variants.

    Raises:
        UserError: a run is missing, or does not belong to the configuration, the data and the code.
    """
    _remove_other_variants(config)
    manifest = Manifest.read(files.MANIFEST)
    variants = {name: compose_config([f"variant={name}"]).variant for name in config.variants}
    configs = {name: dataclasses.replace(config, variant=variant) for name, variant in variants.items()}
    features, labels = files.read_rows("test")
    runs = _runs(configs, features, manifest.fingerprint)
    baselines = _baselines(config, features, manifest.train_rows)
    metrics = compare(configs, manifest, runs, baselines, np.asarray(labels, np.float64))
    files.RESULTS.mkdir(exist_ok=True)
    predictions(runs, baselines, config.seeds, labels).to_parquet(files.PREDICTIONS, index=False)
    curves(runs, config.seeds).to_csv(files.CURVES, index=False)
    metrics.write(files.METRICS)
    files.write_json(files.SUMMARY, scores(metrics))
    print(metrics.verdict.sentence)


def _runs(configs: Mapping[str, Config], features: np.ndarray, data: str) -> dict[str, Runs]:
    """Runs of all variants; those of an ensemble are its members'."""
    members = {name: config.variant.ensemble_of for name, config in configs.items()}
    folders = {
        name: [files.RUNS / name / str(seed) for seed in configs[name].seeds]
        for name, member in members.items()
        if member is None
    }
    summaries = {name: [Summary.read(path / "summary.json") for path in paths] for name, paths in folders.items()}
    check_fingerprints(summaries, configs, data)
    trained = {
        name: Runs(
            predict(paths, features),
            summaries[name][0].parameters,
            summaries[name],
            [pd.read_csv(path / "history.csv") for path in paths],
        )
        for name, paths in folders.items()
    }
    return {
        name: trained[name] if member is None else trained[member].ensemble(member) for name, member in members.items()
    }


def _baselines(config: Config, features: np.ndarray, train_rows: int) -> dict[str, Array]:
    """Logits of the baselines, trained on the rows that all variants train on, without the spare rows."""
    all_features, all_labels = files.read_rows("train")
    train = all_features[:train_rows], all_labels[:train_rows]
    validation = files.read_rows("validation")
    return {
        name: baseline_logits(name, config.seeds, train, validation, features) for name in config.evaluation.baselines
    }


def _remove_other_variants(config: Config) -> None:
    """Remove the runs of variants that are no longer listed from runs/, on which this stage depends."""
    wanted = {files.RUNS / name for name in config.variants}
    parents = {parent for path in wanted for parent in path.parents}
    for folder in {*files.RUNS.glob("*"), *(files.RUNS / "tuned").glob("*")} - wanted - parents:
        shutil.rmtree(folder, ignore_errors=True)
