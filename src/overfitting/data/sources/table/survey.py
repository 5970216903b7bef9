"""The first reading of a table of one's own: what its columns hold, and the first value that can't be used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from overfitting.base.errors import UserError
from overfitting.config.schema import CsvData
from overfitting.data.sources.table.numeric import as_text, first_unusable, float32s, is_text, without_missing


@dataclass
class Survey:
    """What a first reading finds: the label's values, with the rows where each came first, and of the columns where
    each had its first number, its first other text (with it) and its first missing value. Rows count from 1.
    """

    labels: dict[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    texts: dict[str, tuple[int, str]] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)


def survey(path: Path, batches: Iterable[pa.RecordBatch], config: CsvData, features: Sequence[str]) -> Survey:
    """Read the table at `path` once, batch by batch.

    Raises:
        UserError: the first value that can't be used, with its place.
    """
    found, rows = Survey(), 0
    for batch in batches:
        _survey_label(path, batch[config.label], config, rows, found)
        for name in features:
            _survey_column(path, name, batch[name], config, rows, found)
        rows += batch.num_rows
    return found


def _survey_label(path: Path, column: pa.Array, config: CsvData, rows: int, found: Survey) -> None:
    place = f"{path}, data row {{}}, label {config.label!r}"
    values = _texts(place.format(rows + 1), column)
    if values.null_count and config.missing_labels == "error":
        index = _first(pc.is_null(values))
        raise UserError(
            f"{place.format(rows + index + 1)}: the value is missing ({column[index].as_py()!r}): "
            "fill it, or remove the row (data.missing_labels: drop)"
        )
    found.unlabelled += values.null_count
    for value in pc.unique(values.drop_null()).to_pylist():
        found.labels.setdefault(value, rows + pc.index(values, value).as_py() + 1)


def _survey_column(path: Path, name: str, column: pa.Array, config: CsvData, rows: int, found: Survey) -> None:
    def place(index: int) -> str:
        return f"{path}, data row {rows + index + 1}, column {name!r}"

    known = without_missing(column)
    if known.null_count:
        index = _first(pc.is_null(known))
        if config.missing == "error":
            raise UserError(
                f"{place(index)}: the value is missing ({column[index].as_py()!r}): fill it, remove the row or the "
                "column, or set data.missing to impute"
            )
        found.missing.setdefault(name, rows + index + 1)
    if name in config.categorical:
        _texts(place(0), column)
        return
    values = float32s(known)
    if values.null_count < len(values):
        found.numbers.setdefault(name, rows + _first(pc.is_valid(values)) + 1)
        infinite = first_unusable(pc.fill_null(values, 0.0))
        if infinite is not None:
            raise UserError(
                f"{place(infinite)}: expected a finite float32, got {column[infinite].as_py()}: "
                "rescale the column, or remove the row"
            )
    if values.null_count > known.null_count:
        index = _first(pc.and_(pc.is_null(values), pc.is_valid(known)))
        value = column[index].as_py()
        if not is_text(column):
            raise UserError(f"{place(index)}: expected a number, got {value!r}: encode or remove the column")
        found.texts.setdefault(name, (rows + index + 1, value))


def is_categorical(path: Path, name: str, found: Survey, config: CsvData) -> bool:
    """Whether a column is one of categories: it is named so, or none of its values is a number.

    Raises:
        UserError: some are numbers and some are not, which may be a slip of the pen; or it has no value at all.
    """
    if name in config.categorical:
        return True
    if name in found.numbers and name in found.texts:
        row, value = found.texts[name]
        raise UserError(
            f"{path}, data row {row}, column {name!r}: expected a number, got {value!r}: mend it, or take the column "
            f"as categories (data.categorical: [{name}])"
        )
    if name not in found.numbers and name not in found.texts and name in found.missing:
        raise UserError(f"{path}, column {name!r}: all values are missing: remove the column")
    return name in found.texts


def _texts(place: str, column: pa.Array) -> pa.Array:
    try:
        return as_text(column)
    except pa.ArrowException as error:
        raise UserError(f"{place}: expected text, numbers, or true and false, got {column.type}") from error


def _first(mask: pa.Array) -> int:
    return int(pc.index(mask, True).as_py())
