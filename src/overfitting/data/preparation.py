"""From raw events to the input of the networks; encoding and scaling are fitted to training rows only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype
from scipy.stats import skew

from overfitting.base.errors import UserError
from overfitting.config.schema import Preprocessing, Split
from overfitting.data.columns import roles
from overfitting.data.encoding import Encoding
from overfitting.data.events import Events
from overfitting.data.rows import Sets, check_rows, split_rows, usable_rows
from overfitting.data.scaling import Features, Scaling, pieces, symmetric_columns

PIECES = 8  # per column, in piecewise linear encoding
LOGARITHMIC = ("standard", "symmetry")  # scalings that take logarithms of skewed columns
SKEWED = 1.0  # skewness of a positive column above which its logarithm is taken


@dataclass(frozen=True)
class Prepared:
    """Events that are ready to be scaled and written.

    `raw` is the table (n_rows, n_columns) of the columns in use, `features` is (n_rows, n_encoded) float32 before
    scaling, `labels` is (n_rows,). `encoding` is None if all raw columns are numbers without missing values.
    """

    raw: pa.Table
    features: Features
    labels: NDArray[np.float32]
    sets: Sets
    encoding: Encoding | None
    scaling: Scaling
    duplicates_dropped: int


def prepare(events: Events, split: Split, preprocessing: Preprocessing, max_categories: int | None) -> Prepared:
    """Check every row, choose columns, split the rows, fit encoding and scaling to the training rows.

    `max_categories` is the number of categories per column that are kept apart; None if the events hold numbers only.

    Raises:
        UserError: a value, the number of rows, the duplicates or the columns are not as the configuration requires.
    """
    features, encoding = events.numbers(), None
    check_rows(_filled(features) if events.needs_encoding else features, events.labels, events.names, events.source)
    rows = usable_rows(features, preprocessing.duplicates, events.source)
    kept = without_roles(events.names, preprocessing.without)
    raw, features = events.features.select(kept), features[:, kept]
    names = tuple(raw.column_names)
    sets = split_rows(rows, split, preprocessing.shuffle_seed)
    if events.needs_encoding:
        assert max_categories is not None  # only user-supplied tables hold text or missing values
        table = raw.to_pandas()
        encoding = fit_encoding(table.iloc[sets.train], max_categories)
        names, features = _distinct(encoding.features), encoding.apply(table)
    scaling = fit_scaling(features[sets.train], names, preprocessing.scaling)
    return Prepared(raw, features, events.labels, sets, encoding, scaling, len(features) - rows.size)


def _filled(features: Features) -> Features:
    """Features with 0 in place of missing values, which the encoding fills in later."""
    return np.where(np.isnan(features), np.float32(0), features)


def without_roles(names: tuple[str, ...], unwanted: Sequence[str]) -> list[int]:
    """Indices of the columns `names` whose role in the event is not `unwanted`.

    Raises:
        UserError: no column is left.
    """
    kept = [index for index, role in enumerate(roles(names)) if role not in unwanted]
    if not kept:
        raise UserError(
            f"preprocessing.without: got {', '.join(unwanted)}, which leaves none of the {len(names)} columns"
        )
    return kept


def fit_encoding(table: pd.DataFrame, max_categories: int) -> Encoding:
    """Fit the encoding to the training rows of a user-supplied table; text is categorical, NaN is missing.

    The `max_categories` most frequent categories of a column are kept apart; ties are broken alphabetically.

    Raises:
        UserError: a numeric column has no value in the training rows.
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


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise UserError(f"two encoded columns are called {name!r}: rename the column or the category of that name")
    return tuple(names)


def fit_scaling(features: Features, columns: tuple[str, ...], scaling: str) -> Scaling:
    """Fit a scaling to training rows (n_rows, n_columns).

    - `none`: columns stay as they are.
    - `standard`: logarithm of positive columns with a skewness above `SKEWED`, floored at their smallest training
      value; then mean 0 and deviation 1 for all columns. A constant column keeps deviation 1.
    - `symmetry`: the same, on `scaling.symmetric_columns`.
    - `piecewise`: mean 0 and deviation 1 for the `scaling.pieces` of each column between its quantiles.

    Raises:
        UserError: `scaling` is `symmetry`, and the columns are not those of collisions.
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
    """Edges of a column's pieces: its distinct quantiles, at least two."""
    found = np.unique(np.quantile(column, np.linspace(0, 1, PIECES + 1))).tolist()
    return found if len(found) > 1 else [found[0], found[0] + 1.0]


def _is_skewed(column: NDArray[np.float64]) -> bool:
    return bool(column.min() > 0 and np.ptp(column) > 0 and skew(column) > SKEWED)


def _check_collisions(names: list[str], of: list[str]) -> None:
    if not {"phi", "eta"} <= set(of):
        raise UserError(
            "preprocessing=symmetry: expected columns of collisions (phi, eta), such as those of HIGGS; got "
            f"{', '.join(names)}; choose preprocessing=standard"
        )
