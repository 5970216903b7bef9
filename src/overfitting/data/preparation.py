"""From raw events to the input of the networks; encoding and scaling are learned from the pool alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from overfitting.base.errors import UserError
from overfitting.config.schema import Preprocessing, Split
from overfitting.data.column_store import BLOCK_ROWS, ColumnStore
from overfitting.data.columns import UNITS, roles
from overfitting.data.encoding import Encoding
from overfitting.data.events import Events, numbers
from overfitting.data.manifest import Provenance
from overfitting.data.physics import PARTICLES, Physics
from overfitting.data.rows import Column, Sets, check_rows, check_test_classes, split_rows, usable_rows
from overfitting.data.scaling import Features, Scaling, pieces, symmetric_columns

PIECES = 8  # per column, in piecewise linear encoding
LOGARITHMIC = ("standard", "symmetry")  # scalings that take logarithms of skewed columns
Rows = NDArray[np.float64]  # (n_rows, n_columns), or (n_columns,)
SKEWED = 1.0  # skewness of a positive column above which its logarithm is taken


@dataclass(frozen=True)
class Prepared:
    """Events that are ready to be scaled and written.

    `columns` are the raw columns in use. `features` has the encoded or derived, unscaled columns (n_rows, n_columns) of
    each set. `encoding` is None if all raw columns are numbers without missing values, `physics` if none are derived.
    """

    columns: tuple[str, ...]
    features: Mapping[str, ColumnStore]
    sets: Sets
    encoding: Encoding | None
    physics: Physics | None
    scaling: Scaling
    duplicates_dropped: int


def prepare(
    events: Events, split: Split, preprocessing: Preprocessing, provenance: Provenance, folder: Path
) -> Prepared:
    """Check every row, choose columns, split the rows, fit encoding and scaling to the pool.

    Temporary files in `folder` hold the features, because memory holds one column at a time.

    Raises:
        UserError: a value, the number of rows, the duplicates or the columns are not as the configuration requires.
    """

    def values() -> Iterator[Column]:
        return (numbers(events.column(name)) for name in events.names)

    source, count = str(events.path), events.labels.size
    check_rows(values(), events.labels, events.names, source, events.needs_encoding)
    rows = usable_rows(values, count, preprocessing.duplicates, source)
    columns = tuple(events.names[index] for index in without_roles(events.names, preprocessing.without))
    sets = split_rows(rows, split, preprocessing.shuffle_seed, count - provenance.held_out, events.labels)
    check_test_classes(events.labels[sets.test])
    features = {name: ColumnStore(folder, indices.size) for name, indices in vars(sets).items()}
    encodings = []
    for name in columns:
        table = pa.table({name: events.column(name)}).to_pandas()
        if events.needs_encoding:
            assert provenance.table  # only user-supplied tables hold text or missing values
            encodings.append(fit_encoding(table.iloc[sets.pool], provenance.table.max_categories))
        for set_, indices in vars(sets).items():
            chosen = table.iloc[indices]
            features[set_].add(encodings[-1].apply(chosen) if encodings else chosen.to_numpy(np.float32))
        del table, chosen  # before memory holds the next column
    encoding = _joined(encodings) if encodings else None
    physics = _physics(columns, encoding) if preprocessing.derive == "physics" else None
    if physics:
        features = {set_: _derived(store, physics, folder) for set_, store in features.items()}
    names = tuple(physics.features if physics else encoding.features if encoding else columns)
    scaling = fit_scaling(features["pool"], names, preprocessing.scaling)
    return Prepared(columns, features, sets, encoding, physics, scaling, count - rows.size)


def _physics(columns: tuple[str, ...], encoding: Encoding | None) -> Physics:
    lacking = [name for name in PARTICLES if name not in columns]
    if lacking or encoding:
        raise UserError(
            "preprocessing.derive=physics: expected columns of collisions, as in HIGGS, without missing values, "
            f"but {f'there is no {lacking[0]}' if lacking else 'some are missing'}; choose preprocessing=piecewise"
        )
    return Physics(list(columns), [UNITS.get(name, 1.0) for name in columns])


def _derived(raw: ColumnStore, physics: Physics, folder: Path) -> ColumnStore:
    found = ColumnStore(folder, len(raw))
    for start in range(0, len(raw), BLOCK_ROWS):
        block = pd.DataFrame(raw[start : start + BLOCK_ROWS], columns=physics.columns)
        found.add(physics.apply(block), start)
    return found


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
    """Fit the encoding to the pool of a user-supplied table; text is categorical, NaN is missing.

    The `max_categories` most frequent categories of a column are kept apart; ties are broken alphabetically.

    Raises:
        UserError: a numeric column has no value in the pool.
    """
    encoding = Encoding([str(name) for name in table], [], [], table.isna().any().tolist(), [])
    for name in table:
        values = table[name].dropna()
        if is_numeric_dtype(values):
            if values.empty:
                raise UserError(f"column {name!r}: all values are missing, except in test rows: remove the column")
            median, categories, has_others = float(np.median(values.to_numpy(np.float32))), None, False
        else:
            counts = values.value_counts()
            ordered = sorted(map(str, counts.index), key=lambda value: (-counts[value], value))
            median, categories, has_others = None, sorted(ordered[:max_categories]), len(counts) > max_categories
        encoding.median.append(median)
        encoding.categories.append(categories)
        encoding.has_others.append(has_others)
    return encoding


def _joined(encodings: list[Encoding]) -> Encoding:
    """The encoding of all columns, from those of single columns."""
    parts = [encoding.as_dict() for encoding in encodings]
    joined = Encoding(**{key: [entry for part in parts for entry in part[key]] for key in parts[0]})
    for name in joined.features:
        if joined.features.count(name) > 1:
            raise UserError(f"two encoded columns are called {name!r}: rename the column or the category of that name")
    return joined


def fit_scaling(features: Features | ColumnStore, columns: tuple[str, ...], scaling: str) -> Scaling:
    """Fit a scaling to rows (n_rows, n_columns), read in blocks of `BLOCK_ROWS`.

    - `none`: columns stay as they are.
    - `standard`: logarithm of positive columns with a skewness above `SKEWED`, floored at their smallest
      value; then mean 0 and deviation 1 for all columns. A constant column keeps deviation 1.
    - `symmetry`: the same, on `scaling.symmetric_columns`.
    - `piecewise`: mean 0 and deviation 1 for the `scaling.pieces` of each column between its quantiles.

    Raises:
        UserError: `scaling` is `symmetry`, and the columns are not those of collisions.
    """
    edges = [_edges(features[:, index]) for index in range(len(columns))] if scaling == "piecewise" else []
    names, of = _scaled_columns(columns, scaling, edges)
    logarithm = np.zeros(len(names), bool)

    def blocks() -> Iterator[Rows]:
        for start in range(0, len(features), BLOCK_ROWS):
            values = features[start : start + BLOCK_ROWS].astype(np.float64)
            if scaling == "symmetry":
                values, _, _ = symmetric_columns(values, columns, roles(columns))
            if edges:
                values = pieces(values, edges)
            values[:, logarithm] = np.log(values[:, logarithm])
            yield values

    unscaled, floor = scaling == "none", np.min([block.min(axis=0) for block in blocks()], axis=0)
    mean, deviation = _moments(blocks)
    if scaling in LOGARITHMIC:
        varies = np.max([block.max(axis=0) for block in blocks()], axis=0) > floor
        skewed = _mean((block - mean) ** 3 for block in blocks()) > SKEWED * deviation**3
        logarithm |= (floor > 0) & varies & skewed
        mean, deviation = _moments(blocks)
    return Scaling(
        columns=list(columns),
        roles=roles(columns),
        symmetry=scaling == "symmetry",
        edges=edges,
        features=names,
        feature_roles=of,
        logarithm=logarithm.tolist(),
        floor=floor.tolist(),
        mean=(mean * (not unscaled)).tolist(),
        deviation=np.where(unscaled | (deviation == 0), 1.0, deviation).tolist(),
    )


def _scaled_columns(columns: tuple[str, ...], scaling: str, edges: list[list[float]]) -> tuple[list[str], list[str]]:
    """Names and roles of the columns that a scaling makes of `columns`."""
    of = roles(columns)
    if scaling == "symmetry":
        if not {"phi", "eta"} <= set(of):
            raise UserError(
                "preprocessing=symmetry: expected columns of collisions (phi, eta), such as those of HIGGS; got "
                f"{', '.join(columns)}; choose preprocessing=standard"
            )
        _, names, of = symmetric_columns(np.empty((0, len(columns))), columns, of)
        return names, of
    if edges:
        pairs = [(column, piece) for column, found in enumerate(edges) for piece in range(len(found) - 1)]
        return [f"{columns[column]}[{piece}]" for column, piece in pairs], [of[column] for column, _ in pairs]
    return list(columns), of


def _edges(column: NDArray[np.float32]) -> list[float]:
    """Edges of a column's pieces: its distinct quantiles, at least two."""
    found = np.unique(np.quantile(column.astype(np.float64), np.linspace(0, 1, PIECES + 1))).tolist()
    return found if len(found) > 1 else [found[0], found[0] + 1.0]


def _moments(blocks: Callable[[], Iterable[Rows]]) -> tuple[Rows, Rows]:
    """Mean and standard deviation of the columns of a table, given as blocks of rows."""
    mean = _mean(blocks())
    return mean, np.sqrt(_mean((block - mean) ** 2 for block in blocks()))


def _mean(blocks: Iterable[Rows]) -> Rows:
    """Mean of the columns of a table, given as blocks of rows, which it changes.

    NumPy adds the rows of a table one after another, so the size of the blocks changes nothing, except in the last bits
    if the table has one column or lies in memory by column, as symmetric columns do.
    """
    total, rows = np.float64(0), 0
    for block in blocks:
        block[0] += total
        total, rows = block.sum(axis=0), rows + len(block)
    return np.asarray(total / rows)
