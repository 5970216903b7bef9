"""A table of one's own, CSV with a header or Parquet: numbers, categories and a binary label."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from overfitting.base.errors import UserError
from overfitting.config.schema import CsvData
from overfitting.data.columns import LABEL, write_table
from overfitting.data.sources.table.labels import positive_value, zeros_and_ones
from overfitting.data.sources.table.numeric import as_text, float32s, without_missing
from overfitting.data.sources.table.survey import Survey, is_categorical, survey

BLOCK_BYTES = 1 << 23
BATCH_ROWS = 1 << 16
PARQUET_MAGIC = b"PAR1"
SUPPLIED = "as supplied by the user"


def fetch(config: CsvData, destination: Path) -> dict[str, Any]:
    """Write the user's table to `destination`, and return where it came from and how it was read.

    The label becomes 1 and 0; columns of numbers (true and false count as 1 and 0) become float32, all others text;
    missing values, where they are to be imputed, become null.

    Raises:
        UserError: a missing file, an unknown or ambiguous label, the first value that can't be used, with its place.
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
    _check_names(config, features)
    found = survey(path, _readable(path, batches), config, features)
    positive = positive_value(found.labels, config)
    texts = [name for name in features if is_categorical(path, name, found, config)]
    schema = _schema(features, texts, found)
    _, again = opened(path)
    rows = write_table(destination, _events(again, config.label, positive, schema), schema=schema)
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
        "table": {
            "positive": positive,
            "negative": next(value for value in found.labels if value != positive),
            "unlabelled_dropped": found.unlabelled,
            "max_categories": config.categories,
            "units": config.units,
        },
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
        raise UserError(f"{path}: expected columns beside the label {label!r}, found none")
    return features


def _check_names(config: CsvData, features: list[str]) -> None:
    for key, named in (("categorical", config.categorical), ("units", tuple(config.units))):
        for name in named:
            if name not in features:
                raise UserError(f"data.{key}: got {name!r}, expected names of columns: {', '.join(features)}")


def _schema(features: list[str], texts: list[str], found: Survey) -> pa.Schema:
    label = pa.field(LABEL, pa.float32(), nullable=False)
    kinds = {name: pa.string() if name in texts else pa.float32() for name in features}
    return pa.schema([label, *(pa.field(name, kind, name in found.missing) for name, kind in kinds.items())])


def _events(
    batches: Iterator[pa.RecordBatch], label: str, positive: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Batches of label and features as in `schema`, without the rows that have no label."""
    for batch in batches:
        convert: Callable[[pa.Array], pa.Array]
        columns = [zeros_and_ones(batch[label], positive)]
        for field_ in list(schema)[1:]:
            convert = as_text if field_.type == pa.string() else lambda column: float32s(without_missing(column))
            columns.append(convert(batch[field_.name]))
        labelled = pc.is_valid(columns[0])
        yield pa.RecordBatch.from_arrays([column.filter(labelled) for column in columns], schema=schema)
