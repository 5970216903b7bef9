"""Invented files of a comparison under runs/, results/ and data/prepared/, as the stages write them."""

import csv
import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overfitting.base.files import file_digest
from overfitting.data.manifest import Manifest
from overfitting.data.preparation import fit_scaling
from overfitting.data.scaling import Scaling
from overfitting.evaluation.results import Metrics
from overfitting.tracking.store import mlflow
from overfitting.training.identity import run_folder
from overfitting.training.summary import Durations, Settings, Summary
from tests.builders import metrics as invented
from tests.builders.runs import fit

WARNINGS = [  # marks: warnings of MLflow at its first import, at its first database and for each model
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning:mlflow"),
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning:mlflow"),
    pytest.mark.filterwarnings("ignore:Operation with range:DeprecationWarning:mlflow"),
]

COLUMNS = ["lepton_pt", "lepton_eta", "lepton_phi", "jet_1_eta", "jet_1_phi"]
RAW = [[1.5, -0.25, 1.0, 0.5, -1.5], [0.0, 0.5, -1.0, 1.5, 0.25], [20.0, 1.5, 0.125, -0.5, 1.0]]  # rows of COLUMNS
DATA = Manifest(
    files={},
    source="bundled",
    licence="Apache-2.0",
    citation="none",
    sha256="ab" * 32,
    rows=90,
    columns=tuple(COLUMNS),
    label="label",
    train_rows=40,
    validation_rows=20,
    test_rows=30,
    search_rows=0,
    pool_rows=60,
    resample=True,
    pool_signal_share=0.5,
    test_signal_share=0.5,
    duplicates_dropped=0,
    fingerprint="d" * 16,
    scaling="standard",
    features=tuple(COLUMNS),
)
SETTINGS = Settings(
    variant={"hidden_units": [16, 16], "activation": "elu", "l1": 0.0, "l2": 0.001, "dropout": 0.0},
    training={"epochs": 60, "batch_size": 500, "patience": None, "schedule": {"name": "cosine"}},
)


def curve(epoch: int, seed: int) -> dict[str, float]:
    """A row of a history, except `epoch`; epochs count from 1."""
    return {
        "train_log_loss": 1 / (epoch + 1),
        "val_log_loss": 0.5 + abs(epoch - 3) / 100 + seed / 1000,
        "train_accuracy": 0.7,
        "val_accuracy": 0.6,
        "learning_rate": 0.001,
        "penalty": 0.0,
    }


def empty_mlflow(root: Path, factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the project in `root` an empty MLflow database, and make it the one that is used."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(_empty_database(factory.getbasetemp()), root / "mlflow.db")
    return root


@cache
def _empty_database(folder: Path) -> Path:
    """A database in `folder` with MLflow's tables, which take seconds to create."""
    path = folder / "empty_mlflow.db"
    mlflow().MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


def write_run(
    root: Path,
    variant: str,
    seed: int,
    fingerprint: str,
    epochs: int = 5,
    seconds: float = 0.5,
    data: Manifest = DATA,
    repeat: int = 0,
) -> Path:
    """Write a finished run and return its folder."""
    folder = root / run_folder(variant, seed, repeat)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"epoch": n, **curve(n, seed)} for n in range(1, epochs + 1)]
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "early.keras").write_bytes(b"no model")
    Summary(
        variant=variant,
        seed=seed,
        repeat=repeat,
        fingerprint=fingerprint,
        data_fingerprint=data.fingerprint,
        config=SETTINGS,
        train_rows=data.train_rows,
        epochs=epochs,
        best_epoch=3,
        early=_fit(3, seed),
        late=_fit(epochs, seed),
        parameters=337,
        near_zero_share_initial=0.002,
        weight_bins=(-8.0, -2.0, 1.0),
        files={},
    ).write(folder / "summary.json")
    durations = Durations(fingerprint=fingerprint, ended=time.time(), epochs=(seconds / epochs,) * epochs)
    durations.write(folder / "durations.json")
    return folder


VERSIONS = {"python": "3.11", "tensorflow": "2.21", "keras": "3.15", "overfitting": "0.1"}


def write_results(
    root: Path,
    fingerprint: str,
    variants: Sequence[str],
    seeds: Sequence[int],
    data: Manifest = DATA,
    **champion: Any,
) -> Metrics:
    """Write results/ of existing runs; the variant `ensemble` averages the runs of the first variant.

    The champion is the first variant's first seed, unless `champion` has other fields.
    """
    first = f"{variants[0]}/{seeds[0]}"
    best = {"variant": variants[0], "column": first, "models": [f"runs/{first}/early.keras"]}
    metrics = Metrics.model_validate(
        {
            "data": data,
            "run": {**invented.RUN, "seeds": list(seeds), "fingerprint": fingerprint, "versions": VERSIONS},
            "early_stopping": None,
            "tuning": {},
            "variants": {
                name: _ensemble(variants[0]) if name == "ensemble" else _variant(root, name, seeds) for name in variants
            },
            "baselines": {"random_forest": {"train_rows": 40, "metrics": _test_metrics([0.1]), "difference": None}},
            "weight_bins": [-8.0, -2.0, 1.0],
            "gap_size": 0.05,
            "champion": {**best, "val_log_loss": 0.52, "test_log_loss": 0.55, "test_auc": 0.75, **champion},
            "verdict": {
                "prevents": f"{variants[0]} prevents overfitting.",
                "predicts": f"{variants[0]} is best.",
                "details": ["large overfits."],
                "best": [variants[0]],
                "ranking": list(variants),
            },
        }
    )
    folder = root / "results"
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    metrics.write(folder / "metrics.json")
    for page in ("report.html", "report.zh.html"):
        (folder / page).write_text("<p>report</p>")
    (folder / "report.md").write_text("report")
    (folder / "figures/forest.png").write_bytes(b"picture")
    return metrics


def write_prepared(
    root: Path, data: Manifest = DATA, scaling: str = "standard", pool_labels: Sequence[float] = (0, 1, 1)
) -> Scaling:
    """Write the parts of data/prepared/ that a stored model needs; returns the scaling."""
    training = np.random.default_rng(0).normal(size=(100, len(COLUMNS))).astype(np.float32)
    training[:, 0] = np.exp(training[:, 0])
    fitted = fit_scaling(training, tuple(COLUMNS), scaling)
    folder = root / "data/prepared"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scaling.json").write_text(json.dumps(fitted.as_dict()))
    (folder / "example.json").write_text(json.dumps({"columns": COLUMNS, "rows": RAW}))
    np.save(folder / "pool_labels.npy", np.array(pool_labels, np.float32))
    digests = {path.name: file_digest(path) for path in folder.iterdir() if path.name != "manifest.json"}
    data.model_copy(update={"files": digests}).write(folder / "manifest.json")
    return fitted


def write_comparison(
    root: Path, variants: Sequence[str] = ("l2", "large"), seeds: Sequence[int] = (0, 1), epochs: int = 5
) -> None:
    for variant in variants:
        for seed in seeds:
            write_run(root, variant, seed, run_fingerprint(variant, seed), epochs, 0.5 + seed / 7 + len(variant) / 90)
    write_results(root, "c" * 16, variants, seeds)


def run_fingerprint(variant: str, seed: int) -> str:
    return hashlib.sha256(f"{variant}/{seed}".encode()).hexdigest()[:16]


def _fit(epoch: int, seed: int) -> dict[str, Any]:
    found = curve(epoch, seed)
    losses = {name: found[name] for name in ("train_log_loss", "val_log_loss", "train_accuracy", "val_accuracy")}
    return fit(**losses)


def _variant(root: Path, name: str, seeds: Sequence[int]) -> dict[str, Any]:
    found = [Summary.read(root / "runs" / name / str(seed) / "summary.json") for seed in seeds]
    fits = {key: _estimate([0.1 for _ in seeds]) for key in invented.FITS} | {"weight_histogram": [0.25, 0.75]}
    numbers = {key: _estimate([3.0 for _ in seeds]) for key in ("best_epoch", "epochs", "near_zero_share_initial")}
    difference = None if name == "large" else invented.difference(np.full(len(seeds), -0.02))
    scores = {"metrics": _test_metrics(seeds), "difference": difference}
    runs = [
        {
            "seed": run.seed,
            "repeat": run.repeat,
            "fingerprint": run.fingerprint,
            "early": {key: value["seeds"][index] for key, value in scores["metrics"].items()},
            "late": {"test_log_loss": 0.9},
        }
        for index, run in enumerate(found)
    ]
    never = {"median": None, "seeds": [None for _ in seeds]}
    training = {"runs": runs, "train_rows": 40, **numbers, "early": fits, "late": fits, "gap_epoch": never}
    return {
        "description": f"{name}: large, and more",
        "parameters": 337,
        "networks": 1,
        "block": "ranked",
        "is_best": True,
        "early": scores,
        "late": scores,
        "calibration": _CALIBRATION,
        "training": training,
    }


def _ensemble(of: str) -> dict[str, Any]:
    """A variant that was not trained."""
    scores = {"metrics": _test_metrics([0.1, 0.2, 0.3]), "difference": None}
    return {
        "description": f"the mean logit of {of}",
        "parameters": 674,
        "networks": 2,
        "block": "ensemble",
        "is_best": False,
        "early": scores,
        "late": scores,
        "calibration": _CALIBRATION,
        "ensemble_of": of,
    }


_CALIBRATION = {"predicted": [0.3, None], "observed": [0.25, None], "rows": [30.0, 0.0]}


def _test_metrics(seeds: Sequence[float]) -> dict[str, Any]:
    values = {
        "test_log_loss": [0.55 + seed / 100 for seed in seeds],
        "test_auc": [0.75 + seed / 100 for seed in seeds],
        "test_accuracy": [0.7 for _ in seeds],
    }
    return {key: _estimate(numbers) for key, numbers in values.items()}


def _estimate(values: Sequence[float]) -> dict[str, Any]:
    mean = float(np.mean(values))
    return {"mean": mean, "std": 0.01, "ci_low": mean - 0.02, "ci_high": mean + 0.02, "seeds": list(values)}
