"""First pass over a user-supplied table: contents of its columns, and everything in it that cannot be used."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from overfitting.base.errors import UserError
from overfitting.config.sources import CsvData
from overfitting.data.sources.table import suspicions
from overfitting.data.sources.table.values import as_text, first_infinite, float32s, is_text, without_missing

SHOWN = 10  # values in the error message for a label with more than two, and problems of a table
CLASSES = 20  # numbers in the label above which it is likely a quantity
NO_NUMBER = "expected a number"  # start of the text of a problem, which says its kind
MANY = 100_000  # values of the label that are counted
FIRST = 1000  # rows of a batch
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


@dataclass
class Survey:
    """Contents of the columns in the batches added so far; rows count from 1."""

    path: Path
    config: CsvData
    rows: int = 0
    problems: dict[tuple[str, str], str] = field(default_factory=dict)  # the first of each kind, by column
    labels: Counter[str] = field(default_factory=Counter)  # rows by value of the label, in order of appearance
    third: int = 0  # the row in which a third value of the label first appears
    unlabelled: int = 0  # rows without a label
    numbers: set[str] = field(default_factory=set)  # columns with a number
    # columns with other text: row and content of the first
    texts: dict[str, tuple[int, str]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)  # columns with a missing value
    distinct: dict[str, dict[str, None]] = field(default_factory=dict)  # values of each column in the sample, ordered
    known: Counter[str] = field(default_factory=Counter)  # rows of the sample with a value, by column
    # per column, its values with their labels; complete up to two
    pairs: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))

    def add(self, batch: pa.RecordBatch, features: Sequence[str]) -> None:
        """Add the next rows of the table."""
        labels = self._add_label(batch[self.config.label])
        for name in features:
            self._add_feature(name, batch[name], labels)
        self.rows += batch.num_rows

    def check(self, features: Sequence[str]) -> str:
        """The value of the label that counts as 1.

        Raises:
            UserError: lists every problem of the table, each with its place and what to do.
        """
        positive = self.positive()
        for name in features:
            place = f"column {name!r}"
            if (place, NO_NUMBER) in self.problems:
                continue
            if mixed := self.mixed(name):
                self.problems[place, ""] = mixed
            elif reason := self.useless(name):
                self.problems[place, ""] = f"{place}: {reason} (to leave the column out: data.drop: [{name}])"
        refuse(self.path, self.problems.values())
        return positive

    def is_categorical(self, name: str) -> bool:
        """Whether a column is listed in `data.categorical` or holds no number."""
        return name in self.config.categorical or name in self.texts

    def positive(self) -> str:
        """The value of the label that counts as 1; empty: unknown, which is a problem of the table."""
        config, values = self.config, list(self.labels)
        if len(values) != 2:
            self.problems["label", ""] = f"expected two values in the label {config.label!r}, found {self._shown()}"
            return ""
        numbers = {value: number for value in values if isinstance(number := _meaning(value), float)}
        if config.positive is not None:
            wanted = _meaning(config.positive)
            for value in values:
                if value == str(config.positive) or _meaning(value) == wanted:
                    return value
        elif len(set(numbers.values())) == 2:
            return max(numbers, key=lambda value: numbers[value])
        self.problems["label", ""] = (
            f"data.positive: expected {values[0]!r} or {values[1]!r}, the value of the label {config.label!r} that "
            f"counts as 1; got {'none' if config.positive is None else repr(config.positive)}"
        )
        return ""

    def mixed(self, name: str) -> str:
        """The problem of a column of numbers that also holds other text, and what to do; empty: there is none."""
        if name not in self.numbers or name not in self.texts:
            return ""
        row, value = self.texts[name]
        return (
            f"data row {row}, column {name!r}: expected a number, got {value!r}: correct it, or read the column as "
            f"categories (data.categorical: [{name}])"
        )

    def useless(self, name: str) -> str:
        """Why nothing, or too much, can be learned from a column; empty: it can be used."""
        values, rows = self.distinct.get(name, {}), self.known[name]
        if name in self.missing and not values and self.config.missing == "impute":
            return "all values are missing"
        label_of = dict(self.pairs[name])  # complete if each value has one label
        if self.rows >= suspicions.FEW and len(self.pairs[name]) == len(label_of) == len(set(label_of.values())) == 2:
            told = ", ".join(f"{value[:40]!r} for {label!r}" for value, label in sorted(label_of.items()))
            return f"tells the label in every row ({told})"
        if name in self.config.categorical and not suspicions.identifies(values, rows):
            return ""  # dates and amounts can be categories, if there are few
        return (suspicions.of_numbers if name in self.numbers else suspicions.of_text)(values, rows)

    def _add_label(self, column: pa.Array) -> pa.Array:
        """Add values of the label; return them as text."""
        name = f"label {self.config.label!r}"
        values = self._texts(name, column)
        if values.null_count and self.config.missing_labels == "error":
            index = _first(pc.is_null(values))
            self._note(
                name,
                index,
                f"the value is missing ({column[index].as_py()!r}): fill it in, or remove the row "
                "(data.missing_labels: drop)",
            )
        self.unlabelled += values.null_count
        for found in pc.value_counts(values.drop_null()).to_pylist():
            if found["values"] in self.labels or len(self.labels) < MANY:
                self.labels[found["values"]] += found["counts"]
            if len(self.labels) == 3 and not self.third:
                self.third = self.rows + _first(pc.equal(values, found["values"])) + 1
        return values

    def _add_feature(self, name: str, column: pa.Array, labels: pa.Array) -> None:
        place = f"column {name!r}"
        known = without_missing(column)
        if known.null_count:
            index = _first(pc.is_null(known))
            if self.config.missing == "error":
                self._note(
                    place,
                    index,
                    f"the value is missing ({column[index].as_py()!r}): fill it in, remove the row or "
                    "the column, or set data.missing to impute",
                )
            self.missing.add(name)
        self._add_sample(name, known, labels)
        if name in self.config.categorical:
            self._texts(place, column)
            return
        values = float32s(known)
        if values.null_count < len(values):
            self.numbers.add(name)
            infinite = first_infinite(values)
            if infinite is not None:
                self._note(
                    place,
                    infinite,
                    f"expected a finite float32, got {column[infinite].as_py()}: rescale the column, or remove the row",
                )
        if values.null_count > known.null_count:
            index = _first(pc.and_(pc.is_null(values), pc.is_valid(known)))
            value = column[index].as_py()
            if not is_text(column):
                self._note(
                    place,
                    index,
                    f"expected a number, got {value!r}: write it as a number, or leave the column out "
                    f"(data.drop: [{name}])",
                )
            self.texts.setdefault(name, (self.rows + index + 1, str(value)))

    def _add_sample(self, name: str, known: pa.Array, labels: pa.Array) -> None:
        """Remember distinct values of a column, and how they go with the label."""
        sample, pairs = _text_or_null(known[: max(0, SAMPLE - self.rows)]), self.pairs[name]
        self.distinct.setdefault(name, {}).update(dict.fromkeys(pc.unique(sample.drop_null()).to_pylist()))
        self.known[name] += len(sample) - sample.null_count
        for rows in (slice(0, FIRST), slice(FIRST, len(known))):  # a few rows show that most columns are not the label
            if len(pairs) <= 2:
                both = pa.table({"value": _text_or_null(known[rows]), "label": labels[rows]}).drop_null()
                found = both.group_by(["value", "label"]).aggregate([]).slice(0, 3)
                pairs |= {(row["value"], row["label"]) for row in found.to_pylist()}

    def _texts(self, name: str, column: pa.Array) -> pa.Array:
        """The column as text; null if values of its type cannot be written."""
        try:
            return as_text(column)
        except pa.ArrowException:
            self._note(name, 0, f"expected text, numbers, or true and false, got {column.type}")
            return pa.nulls(len(column), pa.string())

    def _note(self, name: str, index: int, problem: str) -> None:
        """Record a problem of a value, unless the column has one of this kind."""
        self.problems.setdefault(
            (name, problem[: len(NO_NUMBER)]), f"data row {self.rows + index + 1}, {name}: {problem}"
        )

    def _shown(self) -> str:
        """The label's values, for an error message, and which task they mean."""
        values = list(self.labels)
        if not values:
            return "no rows"
        more = ", ..." if len(values) > SHOWN else ""
        shown = f"{', '.join(value[:80] for value in values[:SHOWN])}{more}"
        if len(values) < 3:
            return f"{len(values)}: {shown}"
        is_regression = len(values) > CLASSES and all(map(suspicions.is_number, values))
        advice = (
            "regression: choose a threshold, and write whether the number exceeds it"
            if is_regression
            else "multi-class: merge the values into two, or keep the rows of two"
        )
        return (
            f"{len(values):,} (the third in data row {self.third}): {shown}; only binary labels are supported, and "
            f"this is {advice}"
        )


def _meaning(value: object) -> float | str:
    """The number that a value of the label means: true and yes are 1, false and no are 0; other text means itself."""
    text = str(value).strip()
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text


def _text_or_null(column: pa.Array) -> pa.Array:
    try:
        return as_text(column)
    except pa.ArrowException:
        return pa.nulls(len(column), pa.string())


def _first(mask: pa.Array) -> int:
    return int(pc.index(mask, True).as_py())
