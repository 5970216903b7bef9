"""Stage evaluate: the test rows and all runs -> results/metrics.json and predictions."""

import dataclasses

import numpy as np

from overfitting.base import files
from overfitting.config.composition import compose_baselines, compose_config
from overfitting.config.schema import Config
from overfitting.data.manifest import Manifest
from overfitting.data.test_rows import own_rows
from overfitting.evaluation.baselines import FOLDER as BASELINES
from overfitting.evaluation.baselines import plan
from overfitting.evaluation.comparison import compare, predictions, scores
from overfitting.evaluation.runs import curves, failures, finished, read


def run(config: Config) -> None:
    """Predict the test rows with the early and late weights of every run, then compare the variants.

    Raises:
        UserError: a run is missing, or does not belong to the configuration, the data and the code.
    """
    _remove_others(config)
    manifest = Manifest.read(files.MANIFEST)
    variants = {name: compose_config([f"variant={name}"]).variant for name in config.variants}
    configs = {name: dataclasses.replace(config, variant=variant) for name, variant in variants.items()}
    failed = failures(configs, manifest.fingerprint)
    compared = {name: found for name, found in configs.items() if name not in failed}
    labels = np.asarray(files.read_rows("test")[1], np.float64)
    known = finished(compared, manifest.fingerprint)
    baselines = {found.name: found.prediction() for found in plan(compose_baselines(), manifest.fingerprint)}
    runs = read(compared, known)
    metrics = compare(configs, manifest, runs, baselines, labels, failed)
    with files.replacing(files.PREDICTIONS) as partial:
        predictions(runs, baselines, config.seeds, labels, own_rows(manifest, config.seeds)).to_parquet(
            partial, index=False
        )
    files.write_text(files.CURVES, curves(runs, config.seeds).to_csv(index=False))
    metrics.model_copy(update={"curves_sha256": files.file_digest(files.CURVES)}).write(files.METRICS)
    files.remove(files.SUMMARY)
    for name, numbers in scores(metrics).items():
        files.write_json(files.SUMMARY / f"{name}.json", numbers)
    print("\n".join([metrics.verdict.sentence, *(f"{name} failed: {reason}" for name, reason in failed.items())]))


def _remove_others(config: Config) -> None:
    """Remove variants and baselines that are no longer listed from runs/, on which this stage depends."""
    wanted = {files.RUNS / name for name in config.variants} | {BASELINES / name for name in config.baselines}
    parents = {parent for path in wanted for parent in path.parents}
    for pattern in ("*", "tuned/*", f"{BASELINES.name}/*"):
        for folder in set(files.RUNS.glob(pattern)) - wanted - parents:
            files.remove(folder)
