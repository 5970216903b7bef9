"""Checking, splitting, encoding and scaling of rows; what is learned is learned from training rows only."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype
from scipy.stats import skew

from overfitting.base.errors import UserError
from overfitting.config.schema import Split
from overfitting.data.columns import roles
from overfitting.data.encoding import Encoding
from overfitting.data.scaling import Features, Scaling, pieces, symmetric_columns

PIECES = 8  # of a column that is encoded piecewise
LOGARITHMIC = ("standard", "symmetry")
SMALL = 5000  # rows; fewer are trained on in smaller batches
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

    That order is the tutorial's. Of what is left, at most `split.spare` follow the training rows under `train`. With a
    seed the rows are permuted first, so that a sorted file does no harm.

    Raises:
        UserError: there are too few rows to leave one for the test.
    """
    needed = split.validation + split.train + 1
    if rows.size < needed:
        raise UserError(
            f"split: expected at least {needed:,} rows ({split.validation:,} validation + {split.train:,} training "
            f"+ 1 test), the data has {rows.size:,}; {_smaller_split(rows.size)}"
        )
    order = rows if shuffle_seed is None else np.random.default_rng(shuffle_seed).permutation(rows)
    start, end = split.validation, split.validation + split.train
    spare = order[end + split.test :][: split.spare]
    return {
        "train": np.concatenate([order[start:end], spare]),
        "validation": order[:start],
        "test": order[end : end + split.test],
    }


def _smaller_split(rows: int) -> str:
    """What to write into params.yaml for a table of so many rows: three fifths of them for the training."""
    fifth = rows // 5
    if not fifth:
        return "ask for more rows"
    lines = f"  split: {{train: {rows - 2 * fifth}, validation: {fifth}, test: {fifth}, spare: 0}}"
    training = "\n  choices: {training: small}" if rows < SMALL else ""
    return f"ask for more rows, or set in params.yaml\n{lines}{training}"


def without_roles(names: tuple[str, ...], unwanted: Sequence[str]) -> list[int]:
    """Indices of the columns `names` whose role in the event is none of the `unwanted` ones.

    Raises:
        UserError: none is left.
    """
    kept = [index for index, role in enumerate(roles(names)) if role not in unwanted]
    if not kept:
        raise UserError(
            f"preprocessing.without: got {', '.join(unwanted)}, which leaves none of the {len(names)} columns"
        )
    return kept


def fit_encoding(table: pd.DataFrame, max_categories: int) -> Encoding:
    """Learn how a table of one's own becomes numbers from its training rows: text is categories, NaN is missing.

    Of more than `max_categories` the most frequent are told apart, of equally frequent ones the first by the alphabet.

    Raises:
        UserError: a column of numbers has none in the training rows.
    """
    median: list[float | None] = []
    categories: list[list[str] | None] = []
    has_others = []
    for name in table:
        values = table[name].dropna()
        if is_numeric_dtype(table[name]):
            if values.empty:
                raise UserError(f"column {name!r}: all values of the training rows are missing: remove the column")
            median.append(float(np.median(values.to_numpy(np.float32))))
            categories.append(None)
            has_others.append(False)
        else:
            counts = values.value_counts()
            ordered = [value for _, value in sorted((-count, str(value)) for value, count in counts.items())]
            median.append(None)
            categories.append(sorted(ordered[:max_categories]))
            has_others.append(len(ordered) > max_categories)
    has_missing = [bool(found) for found in table.isna().any()]
    return Encoding([str(name) for name in table], median, categories, has_missing, has_others)


def fit_scaling(features: Features, columns: tuple[str, ...], scaling: str) -> Scaling:
    """Learn the scaling of training rows (n_rows, n_columns), named as in `overfitting.config.schema.Preprocessing`.

    `standard` takes the logarithm of positive columns with a skewness above `SKEWED`, floored at their smallest
    training value, then standardises all columns. A constant column keeps deviation 1. `symmetry` does so with columns
    that no rotation and no reflection changes (`scaling.symmetric_columns`), `piecewise` with the `PIECES`
    of each column between its quantiles (`scaling.pieces`). `none` leaves columns as they are.

    Raises:
        UserError: `symmetry` is asked for, and the columns are not those of collisions.
    """
    names, of, values, edges = list(columns), roles(columns), features.astype(np.float64), list[list[float]]()
    if scaling == "symmetry":
        _check_collisions(names, of)
        values, names, of = symmetric_columns(values, names, of)
    elif scaling == "piecewise":
        edges = [_edges(column) for column in values.T]
        values = pieces(values, edges)
        counts = [len(found) - 1 for found in edges]
        names = [f"{name}[{index}]" for name, count in zip(names, counts, strict=True) for index in range(count)]
        of = [role for role, count in zip(of, counts, strict=True) for _ in range(count)]
    floor, unscaled = values.min(axis=0), scaling == "none"
    logarithm = np.array([scaling in LOGARITHMIC and _is_skewed(column) for column in values.T])
    values[:, logarithm] = np.log(values[:, logarithm])
    deviation = values.std(axis=0)
    return Scaling(
        columns=list(columns),
        roles=roles(columns),
        symmetry=scaling == "symmetry",
        edges=edges,
        features=names,
        feature_roles=of,
        logarithm=logarithm.tolist(),
        floor=floor.tolist(),
        mean=(values.mean(axis=0) * (not unscaled)).tolist(),
        deviation=np.where(unscaled | (deviation == 0), 1.0, deviation).tolist(),
    )


def _edges(column: NDArray[np.float64]) -> list[float]:
    """Where the pieces of a column begin and end: its quantiles, less those that are equal."""
    found = np.unique(np.quantile(column, np.linspace(0, 1, PIECES + 1))).tolist()
    return found if len(found) > 1 else [found[0], found[0] + 1.0]


def _is_skewed(column: NDArray[np.float64]) -> bool:
    return bool(column.min() > 0 and np.ptp(column) > 0 and skew(column) > SKEWED)


def _check_collisions(names: list[str], of: list[str]) -> None:
    if not {"phi", "eta"} <= set(of):
        raise UserError(
            "preprocessing=symmetry: expected columns of collisions (phi, eta), as HIGGS has them; got "
            f"{', '.join(names)}; take preprocessing=standard"
        )
