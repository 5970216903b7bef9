"""Contents of a user-supplied table, and everything in it that cannot be used. Rows count from 1."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from overfitting.base.errors import UserError
from overfitting.config.sources import CsvData
from overfitting.data.sources.table import suspicions
from overfitting.data.sources.table.values import as_text, float32s, is_text, text_or_null, without_missing

SHOWN = 10  # values in the error message for a label with more than two, and problems of a table
CLASSES = 20  # numbers in the label above which it is likely a quantity
FIRST = 1000  # rows that show of most columns that they are not the label
SAMPLE = 20_000  # rows, from the start, whose distinct values are compared
_BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def refuse(path: Path, problems: Iterable[str]) -> None:
    """Raise all problems of a table in one error, if there are any.

    Raises:
        UserError: there are.
    """
    found = list(problems)
    if len(found) == 1:
        raise UserError(f"{path}, {found[0]}")
    if found:
        more = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        raise UserError(f"{path}: {len(found)} problems:\n  " + "\n  ".join([*found[:SHOWN], *more]))


@dataclass(frozen=True)
class Column:
    """Contents of a feature; `mixed` and `useless` are problems, empty if there are none."""

    kind: str  # number, text, mixed, listed (in `data.categorical`), other (a type that is none of these)
    data: pa.ChunkedArray  # categories as text, or numbers as float32
    has_missing: bool
    values: list[str]  # distinct ones in the first `SAMPLE` rows
    known: int  # those of these rows that have a value
    invalid: list[str]  # problems of single values
    mixed: str  # numbers beside other text
    useless: str  # nothing, or too much, can be learned from the column


@dataclass(frozen=True)
class Survey:
    """Contents of a table."""

    label: pa.ChunkedArray  # as text
    labels: dict[str, int]  # rows by value of the label, in order of appearance
    positive: str  # the value of the label that counts as 1; empty: unknown, which is a problem
    columns: dict[str, Column]  # features
    problems: list[str]  # all, each with its place and what to do


def survey(table: pa.Table, features: Iterable[str], config: CsvData) -> Survey:
    """Survey the label and the `features` of a table."""
    column, place = table[config.label], f"label {config.label!r}"
    labels, problems = text_or_null(column), _unwritable(place, column)
    if config.missing_labels == "error" and (missing := _first(pc.is_null(labels), column, place)):
        problems.append(
            f"{missing[0]}: the value is missing ({missing[1]!r}): fill it in, or remove the row "
            "(data.missing_labels: drop)"
        )
    counts = {found["values"]: found["counts"] for found in pc.value_counts(labels.drop_null()).to_pylist()}
    columns = {name: _column(name, table[name], labels, config) for name in features}
    problems += [problem for column in columns.values() for problem in column.invalid]
    positive = _positive(list(counts), config)
    if not positive:
        problems.append(_unknown_positive(labels, list(counts), config))
    for name, column in columns.items():
        if column.kind != "other" and (column.mixed or column.useless):
            advice = f"column {name!r}: {column.useless} (to leave the column out: data.drop: [{name}])"
            problems.append(column.mixed or advice)
    return Survey(labels, counts, positive, columns, problems)


def _column(name: str, column: pa.ChunkedArray, labels: pa.ChunkedArray, config: CsvData) -> Column:
    """Survey a feature (n,) beside the `labels` (n,)."""
    known, place, kind, mixed, invalid = without_missing(column), f"column {name!r}", "number", "", list[str]()
    if config.missing == "error" and (missing := _first(pc.is_null(known), column, place)):
        invalid.append(
            f"{missing[0]}: the value is missing ({missing[1]!r}): fill it in, remove the row or the column, or set "
            "data.missing to impute"
        )
    if name in config.categorical:
        kind, data = "listed", text_or_null(column)
        invalid += _unwritable(place, column)
    else:
        data = numbers = float32s(known)
        if infinite := _first(pc.invert(pc.is_finite(numbers)), column, place):
            invalid.append(
                f"{infinite[0]}: expected a finite float32, got {infinite[1]}: rescale the column, or remove the row"
            )
        if other := _first(pc.and_(pc.is_null(numbers), pc.is_valid(known)), column, place):
            problem = f"{other[0]}: expected a number, got {other[1]!r}: "
            if not is_text(column):
                kind = "other"
                invalid.append(f"{problem}write it as a number, or leave the column out (data.drop: [{name}])")
            elif numbers.null_count == len(numbers):
                kind, data = "text", known
            else:
                kind = "mixed"
                mixed = f"{problem}correct it, or read the column as categories (data.categorical: [{name}])"
    sample = text_or_null(known[:SAMPLE]).drop_null()
    values, has_missing = pc.unique(sample).to_pylist(), known.null_count > 0
    if has_missing and not values and config.missing == "impute":
        useless = "all values are missing"
    elif told := _told(known, labels):
        useless = f"tells the label in every row ({told})"
    elif kind == "listed" and not suspicions.identifies(values, len(sample)):
        useless = ""  # dates and amounts can be categories, if there are few
    else:
        useless = (suspicions.of_numbers if kind in ("number", "mixed") else suspicions.of_text)(values, len(sample))
    return Column(kind, data, has_missing, values, len(sample), invalid, mixed, useless)


def _told(known: pa.ChunkedArray, labels: pa.ChunkedArray) -> str:
    """Which value goes with which label, if each of two values goes with one of two labels; otherwise empty."""
    if len(known) < suspicions.FEW:
        return ""
    for rows in (slice(0, FIRST), slice(0, len(known))):  # a few rows show that most columns are not the label
        both = pa.table({"value": text_or_null(known[rows]), "label": labels[rows]}).drop_null()
        found = both.group_by(["value", "label"]).aggregate([]).slice(0, 3)
        if len(found) > 2:
            return ""
    pairs = [(row["value"], row["label"]) for row in found.to_pylist()]
    values, of = {value for value, _ in pairs}, {label for _, label in pairs}
    if not len(pairs) == len(values) == len(of) == 2:
        return ""
    return ", ".join(f"{value[:40]!r} for {label!r}" for value, label in sorted(pairs))


def _positive(values: list[str], config: CsvData) -> str:
    """The one of two values of the label that counts as 1; empty: unknown."""
    if len(values) != 2:
        return ""
    if config.positive is not None:
        wanted = (str(config.positive), _meaning(config.positive))
        return next((value for value in values if value == wanted[0] or _meaning(value) == wanted[1]), "")
    numbers = {value: number for value in values if isinstance(number := _meaning(value), float)}
    return max(numbers, key=lambda value: numbers[value]) if len(set(numbers.values())) == 2 else ""


def _unknown_positive(labels: pa.ChunkedArray, values: list[str], config: CsvData) -> str:
    """The problem of a label without a known positive value."""
    if len(values) == 2:
        return (
            f"data.positive: expected {values[0]!r} or {values[1]!r}, the value of the label {config.label!r} that "
            f"counts as 1; got {'none' if config.positive is None else repr(config.positive)}"
        )
    expected = f"expected two values in the label {config.label!r}, found"
    if not values:
        return f"{expected} no rows"
    shown = ", ".join(value[:80] for value in values[:SHOWN]) + (", ..." if len(values) > SHOWN else "")
    if len(values) < 3:
        return f"{expected} {len(values)}: {shown}"
    advice = (
        "regression: choose a threshold, and write whether the number exceeds it"
        if len(values) > CLASSES and all(map(suspicions.is_number, values))
        else "multi-class: merge the values into two, or keep the rows of two"
    )
    third = pc.index(labels, values[2]).as_py() + 1
    return (
        f"{expected} {len(values):,} (the third in data row {third}): {shown}; only binary labels are supported, and "
        f"this is {advice}"
    )


def _meaning(value: object) -> float | str:
    """The number that a value of the label means: true and yes are 1, false and no are 0; other text means itself."""
    text = str(value).strip()
    try:
        return _BOOLEANS[text.lower()] if text.lower() in _BOOLEANS else float(text)
    except ValueError:
        return text


def _unwritable(place: str, column: pa.ChunkedArray) -> list[str]:
    """The problem of a column that cannot be written as text, if it is one."""
    try:
        as_text(column)
    except pa.ArrowException:
        return [f"data row 1, {place}: expected text, numbers, or true and false, got {column.type}"]
    return []


def _first(mask: pa.ChunkedArray, column: pa.ChunkedArray, place: str) -> tuple[str, Any] | None:
    """Place and content of the first value that the mask chooses."""
    index = pc.index(mask, True).as_py()
    return None if index < 0 else (f"data row {index + 1}, {place}", column[index].as_py())
