"""Stage evaluate: the test rows, read here and nowhere else, and all runs -> results/metrics.json and predictions."""

import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overfitting.base import files
from overfitting.config.composition import compose_variants
from overfitting.config.schema import Config
from overfitting.evaluation.baselines import reference_logits
from overfitting.evaluation.comparison import Found, first_gap, judge, judge_references
from overfitting.evaluation.metrics import Array, auc_rows, log_loss_rows
from overfitting.evaluation.statistics import PRIMARY, REFERENCE
from overfitting.evaluation.verdict import details, verdict
from overfitting.training.identity import comparison_fingerprint


def run(config: Config) -> None:
    """Predict the test rows with every run's selected weights, then compare the variants."""
    _remove_other_variants(config)
    features, labels = files.read_rows("test")
    labels = np.asarray(labels, np.float64)
    found = _found(config, features)
    references = _references(config, features)
    _write_predictions(found, references, config, labels)
    _write_curves(config)
    metrics = _metrics(config, found, references, labels)
    files.write_json(files.METRICS, metrics)
    files.write_json(files.SUMMARY, _summary(metrics))
    print(metrics["verdict"]["sentence"])


def _summary(metrics: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """What DVC shows and compares: a number a variant of the measure that ranks, and of the one that people know."""
    return {
        measure: {name: round(found[measure]["mean"], 5) for name, found in metrics["variants"].items()}
        for measure in (PRIMARY, "test_auc")
    }


def _references(config: Config, features: np.ndarray) -> dict[str, Array]:
    """Logits of the classifiers that are shown beside the networks, fitted to the rows that most of these train on."""
    train_rows = files.read_json(files.MANIFEST)["train_rows"]
    features_of_all, labels_of_all = files.read_rows("train")
    train = features_of_all[:train_rows], labels_of_all[:train_rows]
    validation = files.read_rows("validation")
    return {
        name: reference_logits(name, config.seeds, train, validation, features) for name in config.evaluation.references
    }


def _metrics(
    config: Config, found: Mapping[str, Found], references: Mapping[str, Array], labels: Array
) -> dict[str, Any]:
    data, evaluation = files.read_json(files.MANIFEST), config.evaluation
    variants = judge(found, labels, evaluation)
    large = found[REFERENCE].logits if REFERENCE in found else None
    judged = judge_references(references, large, labels, evaluation)
    sentences = verdict(data, variants, evaluation.confidence)
    return {
        "data": data,
        "run": {**_how(config, data["fingerprint"]), "arithmetic": _arithmetic(found)},
        "variants": variants,
        "weight_bins": next(v.summaries[0]["weight_bins"] for v in found.values() if v.summaries),
        "gap_size": evaluation.gap,
        "references": judged,
        "champion": _champion(sentences["ranking"][0], found, config, labels),
        "verdict": {**sentences, "details": details(variants, judged, sentences["ranking"], evaluation.gap)},
    }


def _found(config: Config, features: np.ndarray) -> dict[str, Found]:
    """Logits and summaries of all variants that were trained, then the ensembles of them, in the order of the list."""
    members = {name: files.RUNS / name / files.ENSEMBLE for name in config.variants}
    of = {name: files.read_json(path)["ensemble_of"] for name, path in members.items() if path.is_file()}
    trained = {name: _trained(name, config, features) for name in config.variants if name not in of}
    ensembles = {
        name: Found(trained[member].logits, len(config.seeds) * trained[member].parameters, [], [], member)
        for name, member in of.items()
    }
    return {name: (trained | ensembles)[name] for name in config.variants}


def _trained(name: str, config: Config, features: np.ndarray) -> Found:
    folders = [files.RUNS / name / str(seed) for seed in config.seeds]
    summaries = [files.read_json(folder / "summary.json") for folder in folders]
    histories = [pd.read_csv(folder / "history.csv") for folder in folders]
    gap_epochs = [
        first_gap(history["val_log_loss"].to_numpy(), history["train_log_loss"].to_numpy(), config.evaluation.gap)
        for history in histories
    ]
    return Found(_predict(folders, features), summaries[0]["parameters"], summaries, gap_epochs)


def _predict(folders: list[Path], features: np.ndarray) -> Array:
    """Logits (n_seeds, n_rows) of a variant's runs."""
    from overfitting.training.backend import keras, start
    from overfitting.training.network import predict

    start(threads=1)

    models = (keras.models.load_model(folder / "model.keras") for folder in folders)
    return np.stack([predict(model, features) for model in models])


def _champion(name: str, found: Mapping[str, Found], config: Config, labels: Array) -> dict[str, Any]:
    """The best model: an ensemble, or of the best variant the seed with the lowest validation log loss."""
    best = found[name]
    member = best.ensemble_of or name
    seeds, column, logits = list(config.seeds), name, best.mean_logits()[0]
    if not best.ensemble_of:
        index = int(np.argmin([summary["best"]["val_log_loss"] for summary in best.summaries]))
        seeds, column, logits = [seeds[index]], f"{name}/{seeds[index]}", best.logits[index]
    return {
        "variant": name,
        "column": column,
        "models": [str(files.RUNS / member / str(seed) / "model.keras") for seed in seeds],
        PRIMARY: float(log_loss_rows(labels, logits).mean()),
        "test_auc": float(auc_rows(labels, logits).mean()),
    }


def _how(config: Config, data: str) -> dict[str, Any]:
    packages = ("tensorflow", "keras", "scikit-learn")
    return {
        "seeds": list(config.seeds),
        "training": config.choices.training,
        "fingerprint": comparison_fingerprint(compose_variants(), data),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def _arithmetic(found: Mapping[str, Found]) -> str:
    """How the runs computed: `float32`, or what they say of precision and XLA."""
    trainings = [summary["config"]["training"] for variant in found.values() for summary in variant.summaries]
    return ", ".join(sorted({t["precision"] + (" with XLA" if t["jit_compile"] else "") for t in trainings}))


def _write_predictions(
    found: Mapping[str, Found], references: Mapping[str, Array], config: Config, labels: Array
) -> None:
    columns = {"label": labels.astype(np.float32)}
    for name, variant in found.items():
        if variant.ensemble_of:
            columns[name] = variant.mean_logits()[0]
    runs = {name: variant.logits for name, variant in found.items() if not variant.ensemble_of}
    for name, logits in {**runs, **references}.items():
        columns |= {f"{name}/{seed}": row for seed, row in zip(config.seeds, logits, strict=True)}
    files.RESULTS.mkdir(exist_ok=True)
    pd.DataFrame(columns).to_parquet(files.PREDICTIONS, index=False)


def _write_curves(config: Config) -> None:
    tables = []
    for name in config.variants:
        for seed in config.seeds:
            path = files.RUNS / name / str(seed) / "history.csv"
            if path.is_file():
                table = pd.read_csv(path).drop(columns="seconds")
                table.insert(0, "seed", seed)
                table.insert(0, "variant", name)
                tables.append(table)
    pd.concat(tables).to_csv(files.CURVES, index=False)


def _remove_other_variants(config: Config) -> None:
    """A variant that is no longer listed stays in DVC's cache, but not in runs/, on which this stage depends."""
    wanted = {files.RUNS / name for name in config.variants}
    parents = {parent for path in wanted for parent in path.parents}
    for folder in {*files.RUNS.glob("*"), *(files.RUNS / "tuned").glob("*")} - wanted - parents:
        shutil.rmtree(folder, ignore_errors=True)
