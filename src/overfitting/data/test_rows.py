"""Which rows each seed is tested on: all test rows or, with repeated splits, those of the pool that it does not use."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.data.manifest import Manifest
from overfitting.data.replicates import overlap, sample

Own = NDArray[np.int64]  # (n_seeds, n_own), indices of rows in the order of the test rows


def is_repeated(manifest: Manifest) -> bool:
    """Whether the test rows are the pool, so that each seed has test rows of its own."""
    pool, test = (manifest.files.get(f"{name}_features.npy", name) for name in ("pool", "test"))
    return pool == test


def rows_per_seed(manifest: Manifest) -> int:
    """Number of test rows of each seed."""
    used = manifest.search_rows + manifest.train_rows + manifest.validation_rows
    return manifest.test_rows - used if is_repeated(manifest) else manifest.test_rows


def own_rows(manifest: Manifest, seeds: Iterable[int]) -> Own | None:
    """The test rows of each seed, if the split is repeated."""
    return np.stack([unused(manifest, seed) for seed in seeds]) if is_repeated(manifest) else None


def unused(manifest: Manifest, seed: int) -> NDArray[np.int64]:
    """The rows of the pool that a seed neither trains nor validates on; without those of searches."""
    is_own = np.arange(manifest.pool_rows) >= manifest.search_rows
    for used in sample(manifest, seed):
        is_own[used] = False
    return np.flatnonzero(is_own)


def correlation(manifest: Manifest, seeds: Sequence[int]) -> float:
    """Correlation of two seeds' results, because they have rows in common (docs/statistics.md)."""
    if not is_repeated(manifest):
        return overlap(manifest, seeds)
    own = rows_per_seed(manifest)
    return own / (own + manifest.train_rows)


def check_classes(manifest: Manifest, seeds: Iterable[int]) -> None:
    """Check, before any training, that the own test rows of each seed have both classes.

    Raises:
        UserError: those of a seed do not.
    """
    _, labels = files.read_rows("test")
    for seed in seeds if is_repeated(manifest) else ():
        found = labels[unused(manifest, seed)]
        if found.min() == found.max():
            raise UserError(
                f"split: the {found.size:,} test rows of seed {seed} are all of one class; lower split.train and "
                "split.validation, or choose other seeds"
            )
