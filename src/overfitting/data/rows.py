"""Checks, duplicates and split of rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overfitting.base.errors import UserError
from overfitting.config.schema import Duplicates, Split
from overfitting.data.scaling import Features

Rows = NDArray[np.int64]  # indices of rows

SMALL = 5000  # rows; the advice for a smaller table includes smaller batches


@dataclass(frozen=True)
class Sets:
    """Indices of the rows of each set; variants with `extra_rows` also train on spare rows."""

    train: Rows
    validation: Rows
    test: Rows
    spare: Rows


def check_rows(features: Features, labels: Features, names: tuple[str, ...], source: str) -> None:
    """Check that every feature is finite and every label is 0 or 1.

    `features` is (n_rows, n_columns), `labels` is (n_rows,).

    Raises:
        UserError: names `source`, and the row (counted from 1), column and value of the first mistake.
    """
    if features.shape[0] == 0:
        raise UserError(f"{source}: expected rows, found none")
    finite = np.isfinite(features)
    if not finite.all():
        row, column = (int(index) for index in np.argwhere(~finite)[0])
        raise UserError(
            f"{source}: row {row + 1}, column {names[column]}: expected a finite number, got {features[row, column]}"
        )
    wrong = ~np.isin(labels, (0, 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(f"{source}: row {row + 1}, column label: expected 0 or 1, got {labels[row]}")


def usable_rows(features: Features, duplicates: Duplicates, source: str) -> Rows:
    """Indices, ascending, of the rows to use; `duplicates` says what happens to rows with equal features.

    Raises:
        UserError: `duplicates` is `refuse` and there are some.
    """
    if duplicates == "keep":
        return np.arange(len(features))
    rows = first_occurrences(features)
    excess = len(features) - rows.size
    if excess and duplicates == "refuse":
        first = np.setdiff1d(np.arange(len(features)), rows)[0] + 1
        raise UserError(
            f"{source}: {excess:,} rows have the features of an earlier row (the first is row {first:,}); expected "
            "none, because preprocessing.duplicates is refuse; set it to drop or keep, or correct the data"
        )
    return rows


def first_occurrences(features: Features) -> Rows:
    """Indices, ascending, of the rows whose features differ from those of every earlier row, bit by bit."""
    rows = np.ascontiguousarray(features).view(np.dtype((np.void, features.dtype.itemsize * features.shape[1]))).ravel()
    _, first = np.unique(rows, return_index=True)
    return np.sort(first)


def split_rows(rows: Rows, split: Split, shuffle_seed: int | None) -> Sets:
    """Split row indices in the tutorial's order: validation, training, test (at most `split.test`), spare rows.

    With a seed, the rows are shuffled first, so that a sorted file does no harm.

    Raises:
        UserError: there are too few rows to leave at least one test row.
    """
    needed = split.validation + split.train + 1
    if rows.size < needed:
        raise UserError(
            f"split: expected at least {needed:,} rows ({split.validation:,} validation + {split.train:,} training "
            f"+ 1 test), the data has {rows.size:,}; {_smaller_split(rows.size)}"
        )
    order = rows if shuffle_seed is None else np.random.default_rng(shuffle_seed).permutation(rows)
    start, end = split.validation, split.validation + split.train
    return Sets(
        train=order[start:end],
        validation=order[:start],
        test=order[end : end + split.test],
        spare=order[end + split.test :][: split.spare],
    )


def _smaller_split(rows: int) -> str:
    """Advice for a table with `rows` rows: lines for params.yaml that use three fifths of them for training."""
    fifth = rows // 5
    if not fifth:
        return "use more rows"
    lines = f"  split: {{train: {rows - 2 * fifth}, validation: {fifth}, test: {fifth}, spare: 0}}"
    training = "\n  choices: {training: small}" if rows < SMALL else ""
    return f"use more rows, or set in params.yaml\n{lines}{training}"
