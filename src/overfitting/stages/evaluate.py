"""Stage evaluate: the test rows, read here and nowhere else, and all runs -> results/metrics.json and predictions."""

import platform
import shutil
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from overfitting import files
from overfitting.comparison import comparison_fingerprint
from overfitting.composition import compose_variants
from overfitting.config import Config
from overfitting.metrics import row_metrics
from overfitting.statistics import PRIMARY, REFERENCE, differences_to, groups, interval, seed_interval
from overfitting.verdict import verdict

COMPARED = (PRIMARY, "test_auc")


def run(config: Config) -> None:
    """Predict the test rows with every run's selected weights, then compare the variants."""
    _remove_other_variants(config)
    summaries = {
        name: [files.read_json(files.RUNS / name / str(seed) / "summary.json") for seed in config.seeds]
        for name in config.variants
    }
    features, labels = files.read_rows("test")
    labels = np.asarray(labels, np.float64)
    logits = {name: _predict(name, config, features) for name in config.variants}
    _write_predictions(logits, config, labels)
    _write_curves(config)

    data = files.read_json(files.MANIFEST)
    variants = compare(summaries, logits, labels, config)
    metrics = {
        "data": data,
        "run": {**_how(config, data["fingerprint"]), "arithmetic": _arithmetic(summaries)},
        "variants": variants,
        "verdict": verdict(data, variants, config.evaluation.confidence),
    }
    files.write_json(files.METRICS, metrics)
    files.write_json(
        files.SUMMARY, {"test_auc": {name: round(v["test_auc"]["mean"], 5) for name, v in variants.items()}}
    )
    print(metrics["verdict"]["sentence"])


def compare(
    summaries: dict[str, list[dict[str, Any]]], logits: dict[str, np.ndarray], labels: np.ndarray, config: Config
) -> dict[str, dict[str, Any]]:
    """The `variants` of results/metrics.json from the runs' summaries and logits (n_seeds, n_rows) on the test rows."""
    confidence = config.evaluation.confidence
    rows = {
        metric: {name: function(labels, values) for name, values in logits.items()}
        for metric, function in row_metrics(config.evaluation.calibration_bins).items()
    }
    group = groups(rows[PRIMARY], confidence)
    to_reference = {
        metric: differences_to(REFERENCE, rows[metric], confidence) if REFERENCE in logits else {}
        for metric in COMPARED
    }
    return {
        name: {
            "parameters": found[0]["parameters"],
            **{metric: interval(values[name], confidence) for metric, values in rows.items()},
            **{key: seed_interval(values, confidence) for key, values in _of_training(found).items()},
            "difference_to_large": {metric: to_reference[metric][name] for metric in COMPARED}
            if name in to_reference[PRIMARY]
            else None,
            "group": group[name],
        }
        for name, found in summaries.items()
    }


def _of_training(found: list[dict[str, Any]]) -> dict[str, list[float]]:
    losses = {
        f"{part}_log_loss_{epoch}": [summary[epoch][f"{part}_log_loss"] for summary in found]
        for part in ("train", "val")
        for epoch in ("best", "last")
    }
    return {
        **{key: [summary[key] for summary in found] for key in ("best_epoch", "epochs", "seconds")},
        **losses,
        **{
            f"gap_{epoch}": list(np.subtract(losses[f"val_log_loss_{epoch}"], losses[f"train_log_loss_{epoch}"]))
            for epoch in ("best", "last")
        },
        "rise_after_best": list(np.subtract(losses["val_log_loss_last"], losses["val_log_loss_best"])),
        **{key: [summary[key] for summary in found] for key in ("weight_norm", "near_zero_share")},
    }


def _predict(name: str, config: Config, features: np.ndarray) -> np.ndarray:
    """Logits (n_seeds, n_rows) of a variant's runs."""
    from overfitting.backend import keras, start
    from overfitting.model import predict

    start(threads=1)

    models = (keras.models.load_model(files.RUNS / name / str(seed) / "model.keras") for seed in config.seeds)
    return np.stack([predict(model, features) for model in models])


def _how(config: Config, data: str) -> dict[str, Any]:
    return {
        "seeds": list(config.seeds),
        "training": config.choices.training,
        "fingerprint": comparison_fingerprint(compose_variants(), data),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("tensorflow", "keras")}},
    }


def _arithmetic(summaries: dict[str, list[dict[str, Any]]]) -> str:
    """How the runs computed: `float32`, or what they say of precision and XLA."""
    trainings = [summary["config"]["training"] for found in summaries.values() for summary in found]
    return ", ".join(sorted({t["precision"] + (" with XLA" if t["jit_compile"] else "") for t in trainings}))


def _write_predictions(logits: dict[str, np.ndarray], config: Config, labels: np.ndarray) -> None:
    columns = {"label": labels.astype(np.float32)}
    for name, values in logits.items():
        columns.update({f"{name}/{seed}": row for seed, row in zip(config.seeds, values, strict=True)})
    files.RESULTS.mkdir(exist_ok=True)
    pd.DataFrame(columns).to_parquet(files.PREDICTIONS, index=False)


def _write_curves(config: Config) -> None:
    tables = []
    for name in config.variants:
        for seed in config.seeds:
            table = pd.read_csv(files.RUNS / name / str(seed) / "history.csv").drop(columns="seconds")
            table.insert(0, "seed", seed)
            table.insert(0, "variant", name)
            tables.append(table)
    pd.concat(tables).to_csv(files.CURVES, index=False)


def _remove_other_variants(config: Config) -> None:
    """A variant that is no longer listed stays in DVC's cache, but not in runs/, on which this stage depends."""
    for path in files.RUNS.glob("*"):
        if path.name not in config.variants:
            shutil.rmtree(path, ignore_errors=True)
