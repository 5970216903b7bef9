"""Rows that the benchmarks train on: a scratch project with prepared data, and larger copies of its training rows."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from overfitting.base.files import MANIFEST
from overfitting.cli.scratch import copy_project, reproduce
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import sample

ROOT = Path(__file__).parents[2]
TRAIN_ROWS, VALIDATION_ROWS = 10_000, 1_000  # as in the tutorial


@contextmanager
def scratch(settings: dict[str, Any]) -> Iterator[Path]:
    """A scratch copy of the project with prepared rows, `settings` merged into its params.yaml."""
    with tempfile.TemporaryDirectory(prefix="overfitting-bench-") as folder:
        copy_project(ROOT, Path(folder), settings)
        if reproduce(Path(folder), "preprocess"):
            sys.exit("the rows could not be prepared")
        yield Path(folder)


def prepared(data: Path) -> dict[str, str]:
    """Path prefix of the arrays of each set, as seed 0 has them; validation is cut to the tutorial's size."""
    folder, manifest = data / "data/prepared", Manifest.read(data / MANIFEST)
    chosen = sample(manifest, 0)
    for part in ("features", "labels"):
        pool = np.load(folder / f"pool_{part}.npy", mmap_mode="r")
        for name, rows in {"train": pool[chosen.train], "few": pool[chosen.validation][:VALIDATION_ROWS]}.items():
            if not (data / f"{name}_{part}.npy").exists():
                np.save(data / f"{name}_{part}.npy", rows)
    return {"train": str(data / "train"), "validation": str(data / "few"), "test": str(folder / "test")}


def tiled(data: Path, size: int) -> dict[str, str]:
    """As `prepared`, with the training rows repeated until there are `size` of them."""
    rows = prepared(data)
    target = data / f"tiled_{size}"
    for part in ("features", "labels"):
        array = np.load(f"{rows['train']}_{part}.npy")
        if not Path(f"{target}_{part}.npy").exists():
            np.save(f"{target}_{part}.npy", np.resize(array, (size, *array.shape[1:])))
    return {**rows, "train": str(target)}
