"""Invented files of a comparison under runs/, results/ and data/prepared/, as the stages write them."""

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ["energy", "angle", "mass"]
SCALING = {
    "columns": COLUMNS,
    "logarithm": [True, False, False],
    "floor": [0.1, 0.0, 0.0],
    "mean": [0.2, 0.1, -0.3],
    "deviation": [1.5, 2.0, 0.5],
}
DATA = {
    "source": "bundled",
    "licence": "Apache-2.0",
    "citation": "none",
    "sha256": "ab" * 32,
    "rows": 90,
    "columns": COLUMNS,
    "label": "label",
    "train_rows": 40,
    "validation_rows": 20,
    "test_rows": 30,
    "duplicates_dropped": 0,
    "scaling": "standard",
    "fingerprint": "d" * 16,
}
SETTINGS = {
    "variant": {"hidden_units": [16, 16], "activation": "elu", "l1": 0.0, "l2": 0.001, "dropout": 0.0},
    "training": {"epochs": 60, "batch_size": 500, "patience": None, "schedule": {"name": "cosine"}},
}


def curve(epoch: int, seed: int) -> dict[str, float]:
    """An epoch's row of a history, counted from 1."""
    return {
        "train_log_loss": 1 / (epoch + 1),
        "val_log_loss": 0.5 + abs(epoch - 3) / 100 + seed / 1000,
        "train_accuracy": 0.7,
        "val_accuracy": 0.6,
        "learning_rate": 0.001,
        "penalty": 0.0,
    }


def write_run(root: Path, variant: str, seed: int, fingerprint: str, epochs: int = 5, seconds: float = 0.5) -> Path:
    folder = root / "runs" / variant / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"epoch": n, **curve(n, seed), "seconds": seconds / epochs} for n in range(1, epochs + 1)]
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "model.keras").write_bytes(b"no model")
    names = ("train_log_loss", "val_log_loss", "train_accuracy", "val_accuracy")
    summary = {
        "variant": variant,
        "seed": seed,
        "fingerprint": fingerprint,
        "data_fingerprint": DATA["fingerprint"],
        "config": SETTINGS,
        "parameters": 337,
        "epochs": epochs,
        "best_epoch": 3,
        "best": {name: curve(3, seed)[name] for name in names},
        "last": {name: curve(epochs, seed)[name] for name in names},
        "weight_norm": 2.5,
        "near_zero_share": 0.01,
        "seconds": seconds,
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def write_results(root: Path, fingerprint: str, variants: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """results/ as evaluate and report write it of the runs that are there."""
    results: dict[str, Any] = {
        "data": DATA,
        "run": {
            "seeds": list(seeds),
            "training": "default",
            "arithmetic": "float32",
            "fingerprint": fingerprint,
            "versions": {"python": "3.11", "tensorflow": "2.21", "keras": "3.15", "overfitting": "0.1"},
        },
        "variants": {name: _variant(root, name, seeds) for name in variants},
        "verdict": {"sentence": f"{variants[0]} is best.", "best": [variants[0]], "ranking": list(variants)},
    }
    folder = root / "results"
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(results))
    (folder / "report.html").write_text("<p>report</p>")
    (folder / "report.md").write_text("report")
    (folder / "figures/ranking.png").write_bytes(b"picture")
    return results


def write_prepared(root: Path) -> None:
    folder = root / "data/prepared"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scaling.json").write_text(json.dumps(SCALING))
    np.save(folder / "validation_features.npy", np.linspace(-1, 1, 60, dtype=np.float32).reshape(20, 3))


def write_comparison(
    root: Path, variants: Sequence[str] = ("l2", "large"), seeds: Sequence[int] = (0, 1), epochs: int = 5
) -> None:
    for variant in variants:
        for seed in seeds:
            write_run(root, variant, seed, run_fingerprint(variant, seed), epochs, 0.5 + seed / 7 + len(variant) / 90)
    write_results(root, "c" * 16, variants, seeds)


def run_fingerprint(variant: str, seed: int) -> str:
    return hashlib.sha256(f"{variant}/{seed}".encode()).hexdigest()[:16]


def _variant(root: Path, name: str, seeds: Sequence[int]) -> dict[str, Any]:
    found = [json.loads((root / "runs" / name / str(seed) / "summary.json").read_text()) for seed in seeds]
    values = {
        "test_log_loss": [0.55 + seed / 100 for seed in seeds],
        "test_auc": [0.75 + seed / 100 for seed in seeds],
        "test_accuracy": [0.7 for _ in seeds],
        "gap_best": [0.1 for _ in seeds],
        "gap_last": [0.3 for _ in seeds],
        "best_epoch": [summary["best_epoch"] for summary in found],
        "seconds": [summary["seconds"] for summary in found],
        "val_log_loss_best": [summary["best"]["val_log_loss"] for summary in found],
    }
    measured = {key: _interval(numbers) for key, numbers in values.items()}
    return {"parameters": 337, **measured, "difference_to_large": None, "group": "best"}


def _interval(values: Sequence[float]) -> dict[str, Any]:
    mean = float(np.mean(values))
    return {"mean": mean, "std": 0.01, "ci_low": mean - 0.02, "ci_high": mean + 0.02, "seeds": list(values)}
