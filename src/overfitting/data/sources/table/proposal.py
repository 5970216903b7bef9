"""Proposes how to read a user-supplied table: its label, what counts as 1, and the columns to leave out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype
from sklearn.metrics import roc_auc_score

from overfitting.base.errors import UserError
from overfitting.config.sources import CsvData
from overfitting.data.columns import LABEL
from overfitting.data.events import numbers
from overfitting.data.rows import usable_rows
from overfitting.data.sources.table import source, suspicions
from overfitting.data.sources.table.survey import Survey
from overfitting.data.sources.table.values import text_or_null

LEAK = 0.995  # AUC of a single column from which it is taken for a leak
FEWEST_OF_CLASS = 10  # rows of each class; an AUC of fewer shows nothing
USUAL = ("label", "target", "class", "outcome", "y")  # names of labels, in lower case


@dataclass(frozen=True)
class Proposal:
    """How to read a table, and what was found out about it."""

    data: CsvData
    left_out: dict[str, str]  # reason, by column
    notes: list[str]  # what else was chosen, and why
    labels: NDArray[np.float32]  # of the rows that can be used


def propose(
    path: Path, label: str | None, positive: str | None, drop: Sequence[str], categorical: Sequence[str]
) -> Proposal:
    """Read the whole table, and choose what the caller leaves open.

    Raises:
        UserError: the label cannot be guessed; or lists every problem of the table that no choice can mend.
    """
    notes, table = list[str](), source.read(path)
    if label is None:
        label = _label(path, table)
        notes.append(f"label: {label}, the only column that fits; --label chooses another one")
    data = CsvData(
        source="csv", path=str(path), label=label, positive=positive, missing="impute", missing_labels="drop"
    )
    left_out = {
        name: "a number of the row"
        for name in table.column_names
        if source.INDEX.fullmatch(name) or (name == LABEL and name != label)
    }
    data = replace(data, drop=(*drop, *left_out), categorical=tuple(categorical))
    found = source.survey_table(table, data)
    for name, column in found.columns.items():
        if reason := column.useless or suspicions.of_order(name, column.values, column.known):
            left_out[name] = reason
    kept = {name: column for name, column in found.columns.items() if name not in left_out}
    listed = [  # by the caller, or because numbers are mixed with few texts
        name
        for name, column in kept.items()
        if column.kind == "listed" or (column.kind == "mixed" and len(column.values) <= data.categories)
    ]
    data = replace(
        data,
        positive=_positive(found, data, notes),
        drop=(*drop, *left_out),
        categorical=tuple(listed),
        missing="impute" if any(column.has_missing for column in kept.values()) else "error",
        missing_labels="drop" if found.label.null_count else "error",
    )
    notes += [f"{name}: read as categories" for name in data.categorical]
    if found.label.null_count:
        notes.append(f"{found.label.null_count:,} rows without a label are left out")
    return _without_leaks(table, data, left_out, notes)


def _label(path: Path, table: pa.Table) -> str:
    """The one column that fits as the label: it has two values, and if others have, its name is a usual one."""
    binary: list[str] = [
        name
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name and len(text_or_null(column).drop_null().unique()) == 2
    ]
    usual = [name for name in binary if name.lower() in USUAL]
    if len(binary) == 1 or len(usual) == 1:
        return (usual or binary)[0]
    fitting = f"these columns have two values: {', '.join(binary)}" if binary else "no column has two values"
    raise UserError(f"{path}: which column is the label? {fitting}; name it with --label COLUMN")


def _positive(found: Survey, data: CsvData, notes: list[str]) -> str | None:
    """The value of the label that counts as 1: true, yes, the larger number, or else the rarer one."""
    if found.positive or len(found.labels) != 2 or data.positive is not None:
        return str(data.positive) if data.positive is not None else None
    rarer = min(found.labels, key=lambda value: found.labels[value])
    notes.append(f"{rarer!r} of {data.label} counts as 1, because it is rarer; --positive chooses the other value")
    return rarer


def _without_leaks(table: pa.Table, data: CsvData, left_out: dict[str, str], notes: list[str]) -> Proposal:
    """Leave out columns that tell the label nearly alone."""
    _, events = source.convert(table, data)
    labels = numbers(events[LABEL])
    features = {name: events[name] for name in events.column_names[1:]}
    areas = {name: _separation(column.to_pandas(), labels, data.categories) for name, column in features.items()}
    leaks = {
        name: f"alone separates the classes almost perfectly (AUC {area:.3f}), so it is probably known only after "
        "the outcome"
        for name, area in areas.items()
        if area >= LEAK
    }
    if len(leaks) == len(features):
        raise UserError(f"{data.path}: every column {next(iter(leaks.values()))}: nothing is left to learn from")
    kept = [column for name, column in features.items() if name not in leaks]
    rows = usable_rows(lambda: map(numbers, kept), labels.size, "drop", data.path)
    if len(rows) < labels.size:
        notes.append(f"{labels.size - len(rows):,} rows with the features of an earlier row are left out")
    return Proposal(replace(data, drop=(*data.drop, *leaks)), left_out | leaks, notes, labels[rows])


def _separation(column: pd.Series, labels: NDArray[np.float32], max_categories: int) -> float:
    """How well a column alone separates the classes: the AUC of its values, or of whether they are missing."""
    known = column.notna().to_numpy()
    found, values = _area(known, labels), column
    if not is_numeric_dtype(column):
        if column.nunique() > max_categories:
            return found
        values = pd.Series(labels).groupby(column).transform("mean")
    return max(found, _area(values.to_numpy()[known], labels[known]))


def _area(values: NDArray[Any], labels: NDArray[np.float32]) -> float:
    """AUC of the values, or of their negatives if it is larger; 0.5 if a class has few rows."""
    positive = labels > 0.5
    if min(positive.sum(), (~positive).sum()) < FEWEST_OF_CLASS:
        return 0.5
    area = float(roc_auc_score(positive, values))
    return max(area, 1 - area)
