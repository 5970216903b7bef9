"""Paths of the files that stages exchange, and how they are read, checked and written."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
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
PHYSICS = PREPARED / "physics.json"  # of columns derived from those of collisions
EXAMPLE = PREPARED / "example.json"
RUNS = Path("runs")
DURATIONS = "durations.json"  # of a run, seen neither by DVC nor by git
ERROR = "error.txt"  # in the folder of a run or baseline that failed
ENSEMBLE = "ensemble.json"  # in the folder of a variant that averages another one's runs
RESULTS = Path("results")
METRICS = RESULTS / "metrics.json"
SUMMARY = RESULTS / "summary"  # a file for each variant
CURVES = RESULTS / "curves.csv"
MODEL_CARD = RESULTS / "model-card.md"
TUNING = RESULTS / "tuning.csv"
PREDICTIONS = RESULTS / "predictions.parquet"

State = tuple[int, int, int]  # inode, size and time of change of a file, in nanoseconds


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file atomically: yields a temporary path beside `path`, which replaces `path` unless an error occurs.

    After it a power failure loses nothing. DVC and git ignore the temporary file, which only a kill can leave. Raises
    UserError if there is a folder at `path`.
    """
    if path.is_dir():
        raise UserError(f"expected {path} to be a file, found a folder; remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        _flush(partial)
        partial.replace(path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the disk hold the content of a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """Text of a file that an earlier stage wrote; raises UserError if it is not there, or is no text."""
    try:
        return _written(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise unusable(path, f"expected text in UTF-8; {error}") from None


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with replacing(path) as partial:
        partial.write_bytes(content)


def read_json(path: Path) -> Any:
    """Content of a JSON file that an earlier stage wrote; raises UserError if it is not there, or is no JSON."""
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise unusable(path, f"expected JSON; {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and diffs, atomically; NaN is refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_rows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Prepared features (n_rows, n_features) and labels (n_rows,) of the `pool` or the `test` rows, memory-mapped.

    Copied on writing, which nothing does: a tensor can share the memory of such an array, not of one that is read-only.
    Raises UserError as `prepared` does.
    """
    paths = (prepared(PREPARED / f"{name}_{part}.npy") for part in ("features", "labels"))
    features, labels = (np.load(path, mmap_mode="c", allow_pickle=False) for path in paths)
    return features, labels


def prepared(path: Path) -> Path:
    """`path` in data/prepared/, checked once per process; raises UserError unless its bytes are the manifest's."""
    stated = read_json(path.parent / MANIFEST.name)
    known = stated.get("files") if isinstance(stated, dict) else None
    if file_digest(_written(path)) != (known or {}).get(path.name):
        raise unusable(path, f"expected the file that {MANIFEST} describes, but its SHA-256 is another one")
    return path


def damaged(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Names of the files in `folder` that are missing or have another SHA-256 than `digests` states."""
    return [
        name
        for name, digest in digests.items()
        if not (folder / name).is_file() or file_digest(folder / name) != digest
    ]


def unusable(path: Path, problem: str) -> UserError:
    """The error for a file that is not as a stage wrote it."""
    return UserError(f"{path}: {problem}; make it again:\n  {mending(path)}")


def mending(path: Path) -> str:
    """The command that writes a file of the pipeline again."""
    made = {TUNING.name: f"git checkout -- {TUNING}", "learning-curve.json": "make learning-curve"}
    if path.name in made:
        return made[path.name]
    stage = {RAW.name: "download", PREPARED.name: "preprocess"}.get(path.parent.name, "evaluate")
    if runs := re.search(rf"(?:^|/){RUNS}/(baselines/)?(.+?)/(?:[\d.]+/)?[^/]+$", path.as_posix()):
        stage = f"{'baseline' if runs[1] else 'train'}@{runs[2]}"
    return f"dvc repro --force --single-item {stage}"


def file_state(path: Path) -> State:
    """A key for what is read from a file, which changes with its content."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; a file is read once per process, unless it changes."""
    return _digest(path.absolute(), file_state(path))


@cache
def _digest(path: Path, _: State) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _written(path: Path) -> Path:
    if path.is_dir():
        raise UserError(f"expected {path} to be a file, found a folder; remove it, then run `dvc repro`")
    if not path.is_file():
        raise UserError(f"expected {path}, which an earlier stage writes; run `dvc repro`")
    return path
