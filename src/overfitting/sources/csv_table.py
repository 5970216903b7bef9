"""A table of one's own, CSV with a header or Parquet: numeric columns and a binary label."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from overfitting.config import CsvData
from overfitting.errors import UserError
from overfitting.events import LABEL, table_schema, write_table
from overfitting.sources.numeric import first_unusable, float32s, is_missing

BLOCK_BYTES = 1 << 23
BATCH_ROWS = 1 << 16
PARQUET_MAGIC = b"PAR1"
SUPPLIED = "as supplied by the user"


def fetch(config: CsvData, destination: Path) -> dict[str, Any]:
    """Write the user's table to `destination`, a table of events, and return where it came from.

    Raises UserError for a missing file, an unknown or ambiguous label, and the first value that is not a finite
    number (features; true and false count as 1 and 0) or not 0 or 1 (label), with its row and column.
    """
    path = Path(config.path).expanduser()
    if not path.is_file():
        raise UserError(f"data.path={config.path}: expected a CSV or Parquet file, found none")
    with path.open("rb") as file:
        opened = _open_parquet if file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC else _open_csv
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        names, batches = opened(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: {error}") from error
    features = _features(path, names, config.label)
    rows = write_table(destination, _events(path, _readable(path, batches), config.label, features), features)
    return {
        "source": "csv",
        "url": config.path,
        "licence": SUPPLIED,
        "citation": SUPPLIED,
        "rows": rows,
        "columns": features,
        "label": config.label,
        "part": "the whole file",
        "sha256": sha256,
        "sha256_of": "the file",
    }


def _open_csv(path: Path) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    """Column names, and batches of text: a type guessed from the first rows would not hold for the later ones."""
    reading = csv.ReadOptions(block_size=BLOCK_BYTES)
    with csv.open_csv(path, read_options=reading) as reader:
        header = reader.schema.names
    names = [name.strip() for name in header]
    text = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)

    def batches() -> Iterator[pa.RecordBatch]:
        with csv.open_csv(path, read_options=reading, convert_options=text) as reader:
            yield from (batch.rename_columns(names) for batch in reader)

    return names, batches()


def _open_parquet(path: Path) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    # pandas keeps the index of a frame as a column of that name; it is the number of a row, not a feature
    names = [name for name in pq.read_schema(path).names if not name.startswith("__index_level_")]

    def batches() -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            yield from (batch.select(names) for batch in file.iter_batches(BATCH_ROWS))

    return names, batches()


def _readable(path: Path, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: {error}") from error


def _features(path: Path, names: list[str], label: str) -> list[str]:
    """All columns but the label, in the order of the file."""
    for name in names:
        if not name:
            raise UserError(
                f"{path}: column {names.index(name) + 1} has no name: name or remove it (pandas: index=False)"
            )
        if names.count(name) > 1:
            raise UserError(f"{path}: {names.count(name)} columns are called {name!r}: rename all but one")
    if label not in names:
        hint = "" if len(names) > 1 else "; columns are separated by commas, and the first line names them"
        raise UserError(f"data.label={label}: {path} has no such column, only {', '.join(names)}{hint}")
    features = [name for name in names if name != label]
    if LABEL in features:
        raise UserError(f"{path}: the feature {LABEL!r} bears the name kept for the label: rename or remove it")
    if not features:
        raise UserError(f"{path}: expected numeric columns beside the label {label!r}, found none")
    return features


def _events(path: Path, batches: Iterator[pa.RecordBatch], label: str, features: list[str]) -> Iterator[pa.RecordBatch]:
    """Batches of label and features, all float32 and finite."""
    rows, classes = 0, set()
    for batch in batches:
        labels = _label(path, label, batch[label], rows)
        columns = [_feature(path, name, batch[name], rows) for name in features]
        yield pa.RecordBatch.from_arrays([labels, *columns], schema=table_schema(features))
        rows += batch.num_rows
        classes |= set(pc.unique(labels).to_pylist())
    if len(classes) < 2:
        found = f"only {', '.join(f'{value:g}' for value in classes)}" if classes else "no rows"
        raise UserError(f"{path}: expected rows with both 0 and 1 in the label {label!r}, found {found}")


def _feature(path: Path, name: str, column: pa.Array, rows_before: int) -> pa.Array:
    values = float32s(column)
    index = first_unusable(values)
    if index is None:
        return values
    place = f"{path}, data row {rows_before + index + 1}, column {name!r}"
    value = column[index].as_py()
    if is_missing(value):
        raise UserError(f"{place}: the value is missing ({value!r}): fill it, or remove the row or the column")
    if values[index].is_valid:
        raise UserError(f"{place}: expected a finite float32, got {value}: rescale the column, or remove the row")
    raise UserError(f"{place}: expected a number, got {value!r}: encode the column as numbers, or remove it")


def _label(path: Path, name: str, column: pa.Array, rows_before: int) -> pa.Array:
    values = float32s(column)
    is_binary = pc.fill_null(pc.is_in(values, pa.array([0, 1], pa.float32())), False)
    index = pc.index(is_binary, False).as_py()
    if index < 0:
        return values
    place = f"{path}, data row {rows_before + index + 1}, label {name!r}"
    value = column[index].as_py()
    if is_missing(value):
        raise UserError(f"{place}: the value is missing ({value!r}): fill it, or remove the row")
    found = pc.unique(column).to_pylist()
    shown = ", ".join(str(other) for other in found[:10]) + (", ..." if len(found) > 10 else "")
    raise UserError(f"{place}: expected 0 or 1, or true or false, got {value}; the values near it are {shown}")
