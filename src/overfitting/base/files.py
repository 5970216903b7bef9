"""Where stages read and write, and how: the paths of dvc.yaml, JSON, the prepared arrays."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from overfitting.base.errors import UserError

RAW = Path("data/raw")
EVENTS = RAW / "events.parquet"
PROVENANCE = RAW / "provenance.json"
PREPARED = Path("data/prepared")
MANIFEST = PREPARED / "manifest.json"
SCALING = PREPARED / "scaling.json"
ENCODING = PREPARED / "encoding.json"  # of a table with categories or missing values
EXAMPLE = PREPARED / "example.json"
RUNS = Path("runs")
ENSEMBLE = "ensemble.json"  # in the folder of a variant that averages another one's runs
RESULTS = Path("results")
METRICS = RESULTS / "metrics.json"
SUMMARY = RESULTS / "summary.json"
CURVES = RESULTS / "curves.csv"
TUNING = RESULTS / "tuning.csv"
PREDICTIONS = RESULTS / "predictions.parquet"


def read_json(path: Path) -> Any:
    """Content of a JSON file that an earlier stage wrote.

    Raises:
        UserError: it is not there.
    """
    return json.loads(_written(path).read_text())


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and diffs, atomically; NaN is refused, since JSON has none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")
    partial.replace(path)


def read_rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Prepared features (n_rows, n_features) and labels (n_rows,) of `train`, `validation` or `test`, memory-mapped.

    Copied on writing, which nothing does: a tensor can share the memory of such an array, not of one that is read-only.

    Raises:
        UserError: they are not there.
    """
    paths = [_written(PREPARED / f"{name}_{part}.npy") for part in ("features", "labels")]
    features, labels = (np.load(path, mmap_mode="c") for path in paths)
    return features, labels


def _written(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"expected {path}, which an earlier stage writes; run `dvc repro`")
    return path
