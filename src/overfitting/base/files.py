"""Paths of the files that stages exchange, and how they are read and written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
DURATIONS = "durations.json"  # of a run, seen neither by DVC nor by git
ENSEMBLE = "ensemble.json"  # in the folder of a variant that averages another one's runs
RESULTS = Path("results")
METRICS = RESULTS / "metrics.json"
SUMMARY = RESULTS / "summary.json"
CURVES = RESULTS / "curves.csv"
TUNING = RESULTS / "tuning.csv"
PREDICTIONS = RESULTS / "predictions.parquet"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file atomically: yields a temporary path beside `path`, which replaces `path` unless an error occurs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """Text of a file that an earlier stage wrote.

    Raises:
        UserError: it is not there.
    """
    return _written(path).read_text(encoding="utf-8")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Content of a JSON file that an earlier stage wrote.

    Raises:
        UserError: it is not there.
    """
    return json.loads(read_text(path))


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and diffs, atomically; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Prepared features (n_rows, n_features) and labels (n_rows,) of the `pool` or the `test` rows, memory-mapped.

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
