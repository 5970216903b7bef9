"""Checks, duplicates and split of rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overfitting.base.errors import UserError
from overfitting.config.schema import Duplicates, Split

Rows = NDArray[np.int64]  # indices of rows
Column = NDArray[np.float32]  # values (n_rows,)

SMALL = 5000  # rows; the advice for a smaller table includes smaller batches
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # of Fibonacci hashing: 2^64 divided by the golden ratio


@dataclass(frozen=True)
class Sets:
    """Indices of the rows of each set. Searches and replicates draw their rows from the pool."""

    pool: Rows
    test: Rows


def check_rows(columns: Iterable[Column], labels: Column, names: tuple[str, ...], source: str, missing: bool) -> None:
    """Check that every value of the `columns` is finite, or NaN if `missing` values are allowed, and labels are 0 or 1.

    Raises:
        UserError: names `source`, and the row (counted from 1), column and value of the first mistake.
    """
    if not labels.size:
        raise UserError(f"{source}: expected rows, found none")
    mistakes = []
    for index, values in enumerate(columns):
        wrong = np.isinf(values) if missing else ~np.isfinite(values)
        mistakes += [(row, index, values[row]) for row in np.flatnonzero(wrong)[:1]]
    if mistakes:
        row, index, value = min(mistakes)
        raise UserError(f"{source}: row {row + 1}, column {names[index]}: expected a finite number, got {value}")
    for row in np.flatnonzero(~np.isin(labels, (0, 1)))[:1]:
        raise UserError(f"{source}: row {row + 1}, column label: expected 0 or 1, got {labels[row]}")


def usable_rows(columns: Callable[[], Iterable[Column]], count: int, duplicates: Duplicates, source: str) -> Rows:
    """Indices, ascending, of the rows to use, of `count`; `duplicates` says what happens to rows with equal features.

    Raises:
        UserError: `duplicates` is `refuse` and there are some.
    """
    repeats = np.arange(0) if duplicates == "keep" else repeated_rows(columns, count)
    if repeats.size and duplicates == "refuse":
        raise UserError(
            f"{source}: {repeats.size:,} rows have the features of an earlier row (the first is row {repeats[0] + 1:,})"
            "; expected none, because preprocessing.duplicates is refuse; set it to drop or keep, or correct the data"
        )
    return np.delete(np.arange(count), repeats)


def repeated_rows(columns: Callable[[], Iterable[Column]], count: int) -> Rows:
    """Indices, ascending, of the rows whose features equal those of an earlier row, bit by bit.

    Reads the columns twice: to compute hashes of the rows, and to compare the rows with equal hashes.
    """
    hashes = np.zeros(count, np.uint64)
    for values in columns():
        hashes ^= values.view(np.uint32)
        hashes *= FACTOR
        hashes.byteswap(inplace=True)
    ordered = np.sort(hashes)
    shared = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    if not shared.size:
        return np.arange(0)
    candidates = np.flatnonzero(np.searchsorted(shared, hashes) < np.searchsorted(shared, hashes, "right"))
    rows = np.stack([values[candidates] for values in columns()], axis=1)
    _, first = np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))), return_index=True)
    return np.delete(candidates, first)


def split_rows(
    rows: Rows, split: Split, shuffle_seed: int | None, held_out: int | None = None, labels: Column | None = None
) -> Sets:
    """Split row indices into the pool and the last rows as test rows (at most `split.test`).

    With a seed, the rows are shuffled first, so that a sorted file does no harm. If the source holds out the rows from
    the index `held_out` on, test rows are taken from them alone, and none of them is in the pool. `split.stratify`
    needs the `labels` of all rows. With repeated splits (`split.test` is 0) all rows are in the pool and in the test.

    Raises:
        UserError: there are too few rows for a search, one replicate and at least one test row.
    """
    order = rows if shuffle_seed is None else np.random.default_rng(shuffle_seed).permutation(rows)
    if split.stratify and labels is not None:
        order = spread(order, labels[order])
    is_held_out = order >= (np.inf if held_out is None else held_out)
    needed = split.search + split.validation + split.train
    available = order.size - max(1, int(is_held_out.sum()))
    if available < needed:
        search = f"{split.search:,} search + " if split.search else ""
        raise UserError(
            f"split: expected at least {needed:,} rows besides test rows ({search}{split.validation:,} validation + "
            f"{split.train:,} training), the data has {available:,}; {_smaller_split(available + 1)}"
        )
    if not split.test:
        if is_held_out.any():
            raise UserError("split.test: got 0, but this source has rows for the test alone; expected their number")
        return Sets(pool=order, test=order)
    if is_held_out.any():
        return Sets(pool=order[~is_held_out], test=order[is_held_out][: split.test])
    start = max(needed, order.size - split.test)
    return Sets(pool=order[:start], test=order[start:])


def spread(order: Rows, labels: Column) -> Rows:
    """The rows of `order`, with each class spread evenly, so that any stretch has nearly the same share of it."""
    places = np.empty(order.size)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        places[of_class] = (np.arange(of_class.size) + 0.5) / of_class.size
    return order[np.argsort(places, kind="stable")]


def check_test_classes(labels: Column) -> None:
    """Check, before any training, that the test rows have both classes.

    Raises:
        UserError: they do not.
    """
    if labels.min() == labels.max():
        raise UserError(
            f"split.test: expected test rows of both classes, but all {labels.size:,} have the label {labels[0]:.0f}; "
            "raise split.test, or set preprocessing.shuffle_seed if the table is sorted"
        )


def _smaller_split(rows: int) -> str:
    """Advice for a table with `rows` rows: lines for params.yaml that use three fifths of them for training."""
    fifth, small = rows // 5, "\n  choices: {training: small}" if rows < SMALL else ""
    split = f"{{train: {rows - 2 * fifth}, validation: {fifth}, test: {fifth}, search: 0, resample: true}}"
    return f"use more rows, or set in params.yaml\n  split: {split}{small}" if fifth else "use more rows"
