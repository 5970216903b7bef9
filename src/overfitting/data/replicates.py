"""The rows of each seed. A seed is a replicate: it trains and validates on rows of its own.

Rows of the pool are dealt like cards: the hands of a deal have no row in common, so replicates of one deal are
independent samples. Once a deal is used up, the rows are shuffled and dealt again.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overfitting.base import files
from overfitting.base.errors import UserError
from overfitting.data.manifest import Manifest

Chosen = slice | NDArray[np.int64]  # rows of the pool


class Sample(NamedTuple):
    """Training and validation rows of a replicate; contiguous ones are slices, which need no copy."""

    train: Chosen
    validation: Chosen


def sample(manifest: Manifest, seed: int) -> Sample:
    """Rows of a seed; without `resample`, all seeds have those of seed 0."""
    start = manifest.search_rows
    return _hand(manifest, start, manifest.pool_rows - start, seed if manifest.resample else 0)


def search_sample(manifest: Manifest, seed: int) -> Sample:
    """Rows of a search, on which no run of the comparison trains; without search rows, those of the seed."""
    if not manifest.search_rows:
        return sample(manifest, seed)
    return _hand(manifest, 0, manifest.search_rows, seed)


def overlap(manifest: Manifest, seeds: Sequence[int]) -> float:
    """Mean over pairs of seeds of the expected share of training rows that both have.

    0 within a deal; across deals the share of the rows that a sample takes. 0 without `resample`, because then results
    hold for one sample.
    """
    if not manifest.resample or len(seeds) < 2:
        return 0.0
    rows, hands = manifest.pool_rows - manifest.search_rows, _hands(manifest)
    share = max(manifest.train_rows, manifest.validation_rows) / rows
    return float(np.mean([share * (a // hands != b // hands) for a, b in combinations(seeds, 2)]))


def check_classes(manifest: Manifest, seeds: Iterable[int]) -> None:
    """Check, before any training, that the rows of each seed have both classes.

    Raises:
        UserError: the training or validation rows of a seed are all of one class.
    """
    _, labels = files.read_rows("pool")
    for seed in seeds:
        for name, chosen in sample(manifest, seed)._asdict().items():
            found = labels[chosen]
            if found.min() == found.max():
                raise UserError(
                    f"split.{name}: expected rows of both classes, but all {found.size:,} {name} rows of seed {seed} "
                    f"have the label {found[0]:.0f}; raise split.{name}, or choose other seeds"
                )


def _hands(manifest: Manifest) -> int:
    """Replicates of one deal."""
    rows = manifest.pool_rows - manifest.search_rows
    return rows // (manifest.train_rows + manifest.validation_rows)


def _hand(manifest: Manifest, start: int, rows: int, seed: int) -> Sample:
    """The hand of a seed, dealt from `rows` rows of the pool; the first deal is in the order of the pool."""
    size = manifest.train_rows + manifest.validation_rows
    deal, hand = divmod(seed, rows // size)
    first, middle, end = (hand * size + offset for offset in (0, manifest.validation_rows, size))
    if deal == 0:
        return Sample(slice(start + middle, start + end), slice(start + first, start + middle))
    order = start + np.random.default_rng([rows, deal]).permutation(rows)
    return Sample(np.sort(order[middle:end]), np.sort(order[first:middle]))
