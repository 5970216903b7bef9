"""Checking, splitting and scaling of rows; what scales is learned from training rows only."""

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import skew

from overfitting.config import Split
from overfitting.errors import UserError

Features = NDArray[np.float32]

SKEWED = 1.0  # a positive column with a larger skewness is taken by its logarithm


def check_rows(features: Features, labels: Features, names: tuple[str, ...], source: str) -> None:
    """Check that every feature is finite and every label 0 or 1; `features` is (n_rows, n_columns), `labels` (n_rows,).

    Raises:
        UserError: names `source`, the first wrong row (counted from 1), its column and value.
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


def first_occurrences(features: Features) -> NDArray[np.int64]:
    """Indices, ascending, of the rows whose features no earlier row has, compared bit by bit."""
    rows = np.ascontiguousarray(features).view(np.dtype((np.void, features.dtype.itemsize * features.shape[1]))).ravel()
    _, first = np.unique(rows, return_index=True)
    return np.sort(first)


def split_rows(rows: NDArray[np.int64], split: Split, shuffle_seed: int | None) -> dict[str, NDArray[np.int64]]:
    """Divide row indices: the first for validation, the next for training, then at most `split.test` for the test.

    That order is the tutorial's. With a seed the rows are permuted first, so that a sorted file does no harm.

    Raises:
        UserError: there are too few rows to leave one for the test.
    """
    needed = split.validation + split.train + 1
    if rows.size < needed:
        raise UserError(
            f"split: expected at least {needed:,} rows ({split.validation:,} validation + {split.train:,} training "
            f"+ 1 test), the data has {rows.size:,}; lower split.train or split.validation, or ask for more rows"
        )
    order = rows if shuffle_seed is None else np.random.default_rng(shuffle_seed).permutation(rows)
    start, end = split.validation, split.validation + split.train
    return {"train": order[start:end], "validation": order[:start], "test": order[end : end + split.test]}


@dataclass(frozen=True)
class Scaling:
    """x' = ((log(max(x, floor)) if logarithm else x) - mean) / deviation, for each column."""

    columns: list[str]
    logarithm: list[bool]
    floor: list[float]
    mean: list[float]
    deviation: list[float]

    def apply(self, features: Features) -> Features:
        """Scale rows (n_rows, n_columns); float32 out."""
        scaled = features.astype(np.float64)
        chosen = np.array(self.logarithm)
        scaled[:, chosen] = np.log(np.maximum(scaled[:, chosen], np.array(self.floor)[chosen]))
        return ((scaled - self.mean) / self.deviation).astype(np.float32)

    def as_dict(self) -> dict[str, list[str] | list[bool] | list[float]]:
        """The content of data/prepared/scaling.json."""
        return dataclasses.asdict(self)


def fit_scaling(features: Features, columns: tuple[str, ...], scaling: str) -> Scaling:
    """Learn the scaling of training rows (n_rows, n_columns): `standard`, or `none` for leaving them as they are.

    `standard` takes the logarithm of positive columns with a skewness above `SKEWED`, floored at their smallest
    training value, then standardises all columns. A constant column keeps deviation 1.
    """
    n_columns = features.shape[1]
    if scaling == "none":
        zeros, ones = [0.0] * n_columns, [1.0] * n_columns
        return Scaling(list(columns), [False] * n_columns, zeros, zeros, ones)
    values = features.astype(np.float64)
    floor = values.min(axis=0)
    logarithm = (floor > 0) & np.array([np.ptp(column) > 0 and skew(column) > SKEWED for column in values.T])
    values[:, logarithm] = np.log(values[:, logarithm])
    deviation = values.std(axis=0)
    return Scaling(
        columns=list(columns),
        logarithm=logarithm.tolist(),
        floor=floor.tolist(),
        mean=values.mean(axis=0).tolist(),
        deviation=np.where(deviation > 0, deviation, 1.0).tolist(),
    )
