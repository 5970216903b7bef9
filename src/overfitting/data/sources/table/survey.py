"""First pass over a user-supplied table: contents of its columns, and the first value that cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from overfitting.base.errors import UserError
from overfitting.config.sources import CsvData
from overfitting.data.sources.table.values import as_text, first_infinite, float32s, is_text, without_missing

SHOWN = 10  # values in the error message for a label with more than two
_BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


@dataclass
class Survey:
    """Contents of the columns in the batches added so far; rows count from 1."""

    path: Path
    config: CsvData
    rows: int = 0
    labels: dict[str, int] = field(default_factory=dict)  # each value of the label: row of its first appearance
    unlabelled: int = 0  # rows without a label
    numbers: set[str] = field(default_factory=set)  # columns with a number
    # columns with other text: row and content of the first
    texts: dict[str, tuple[int, str]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)  # columns with a missing value

    def add(self, batch: pa.RecordBatch, features: Sequence[str]) -> None:
        """Check the next rows of the table.

        Raises:
            UserError: names the place of the first value that cannot be used.
        """
        self._add_label(batch[self.config.label])
        for name in features:
            self._add_feature(name, batch[name])
        self.rows += batch.num_rows

    def positive_value(self) -> str:
        """The value of the label that counts as 1.

        Raises:
            UserError: the label does not have two values, `data.positive` is neither of them, or `data.positive` is
                not set and the values do not tell.
        """
        config, values = self.config, list(self.labels)
        if len(values) != 2:
            raise UserError(f"{config.path}: expected two values in the label {config.label!r}, found {self._shown()}")
        numbers = {value: number for value in values if isinstance(number := _meaning(value), float)}
        if config.positive is not None:
            wanted = _meaning(config.positive)
            for value in values:
                if value == str(config.positive) or _meaning(value) == wanted:
                    return value
        elif len(set(numbers.values())) == 2:
            return max(numbers, key=lambda value: numbers[value])
        raise UserError(
            f"data.positive: expected {values[0]!r} or {values[1]!r}, the value of the label {config.label!r} that "
            f"counts as 1; got {'none' if config.positive is None else repr(config.positive)}"
        )

    def is_categorical(self, name: str) -> bool:
        """Whether a column is listed in `data.categorical` or holds no number.

        Raises:
            UserError: the column mixes numbers and other text, which may be a typing mistake, or has no value at all.
        """
        if name in self.config.categorical:
            return True
        if name in self.numbers and name in self.texts:
            row, value = self.texts[name]
            raise UserError(
                f"{self.path}, data row {row}, column {name!r}: expected a number, got {value!r}: correct it, or read "
                f"the column as categories (data.categorical: [{name}])"
            )
        if name not in self.numbers and name not in self.texts and name in self.missing:
            raise UserError(f"{self.path}, column {name!r}: all values are missing: remove the column")
        return name in self.texts

    def _add_label(self, column: pa.Array) -> None:
        name = f"label {self.config.label!r}"
        values = self._texts(name, column)
        if values.null_count and self.config.missing_labels == "error":
            index = _first(pc.is_null(values))
            raise UserError(
                f"{self._place(name, index)}: the value is missing ({column[index].as_py()!r}): "
                "fill it in, or remove the row (data.missing_labels: drop)"
            )
        self.unlabelled += values.null_count
        for value in pc.unique(values.drop_null()).to_pylist():
            self.labels.setdefault(value, self.rows + _first(pc.equal(values, value)) + 1)

    def _add_feature(self, name: str, column: pa.Array) -> None:
        place = f"column {name!r}"
        known = without_missing(column)
        if known.null_count:
            index = _first(pc.is_null(known))
            if self.config.missing == "error":
                raise UserError(
                    f"{self._place(place, index)}: the value is missing ({column[index].as_py()!r}): fill it in, "
                    "remove the row or the column, or set data.missing to impute"
                )
            self.missing.add(name)
        if name in self.config.categorical:
            self._texts(place, column)
            return
        values = float32s(known)
        if values.null_count < len(values):
            self.numbers.add(name)
            infinite = first_infinite(values)
            if infinite is not None:
                raise UserError(
                    f"{self._place(place, infinite)}: expected a finite float32, got {column[infinite].as_py()}: "
                    "rescale the column, or remove the row"
                )
        if values.null_count > known.null_count:
            index = _first(pc.and_(pc.is_null(values), pc.is_valid(known)))
            value = column[index].as_py()
            if not is_text(column):
                raise UserError(
                    f"{self._place(place, index)}: expected a number, got {value!r}: encode or remove the column"
                )
            self.texts.setdefault(name, (self.rows + index + 1, value))

    def _texts(self, name: str, column: pa.Array) -> pa.Array:
        try:
            return as_text(column)
        except pa.ArrowException as error:
            raise UserError(
                f"{self._place(name, 0)}: expected text, numbers, or true and false, got {column.type}"
            ) from error

    def _place(self, name: str, index: int) -> str:
        return f"{self.path}, data row {self.rows + index + 1}, {name}"

    def _shown(self) -> str:
        """The label's values, for an error message."""
        values = list(self.labels)
        if not values:
            return "no rows"
        third = f" (the third in data row {self.labels[values[2]]})" if len(values) > 2 else ""
        more = ", ..." if len(values) > SHOWN else ""
        return f"{len(values)}{third}: {', '.join(values[:SHOWN])}{more}"


def _meaning(value: object) -> float | str:
    """The number that a value of the label means: true and yes are 1, false and no are 0; other text means itself."""
    text = str(value).strip()
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        return float(text)
    except ValueError:
        return text


def _first(mask: pa.Array) -> int:
    return int(pc.index(mask, True).as_py())
