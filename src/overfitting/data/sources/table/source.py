"""Reads a user-supplied table, CSV with a header or Parquet: numbers, categories and a binary label."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from overfitting.base.errors import UserError
from overfitting.base.files import file_digest
from overfitting.config.sources import CsvData
from overfitting.data.columns import LABEL
from overfitting.data.events import write_table
from overfitting.data.manifest import Provenance, TableReading
from overfitting.data.sources.table.survey import Survey
from overfitting.data.sources.table.values import as_text, float32s, without_missing

BLOCK_BYTES = 1 << 23
BATCH_ROWS = 1 << 16
PARQUET_MAGIC = b"PAR1"
SUPPLIED = "as supplied by the user"


def fetch(config: CsvData, destination: Path) -> Provenance:
    """Write the user's table to `destination`, in two passes: survey the columns, then convert them.

    The label becomes 1 and 0. Columns of numbers (true and false count as 1 and 0) become float32, all others text.
    Missing values become null if they are to be imputed.

    Raises:
        UserError: the file is missing or unreadable, its label is unknown or ambiguous, or a value cannot be used.
    """
    path = Path(config.path).expanduser()
    if not path.is_file():
        raise UserError(f"data.path={config.path}: expected a CSV or Parquet file, found none")
    opened = _open_parquet if _is_parquet(path) else _open_csv
    try:
        names, batches = opened(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: {error}") from error
    features = _features(path, names, config.label)
    _check_names(config, features)
    survey = Survey(path, config)
    for batch in _readable(path, batches):
        survey.add(batch, features)
    positive = survey.positive_value()
    schema = _schema(features, survey)
    _, again = opened(path)
    rows = write_table(destination, _events(again, config.label, positive, schema), schema)
    return Provenance(
        source="csv",
        licence=SUPPLIED,
        citation=SUPPLIED,
        rows=rows,
        columns=tuple(features),
        sha256=file_digest(path),
        sha256_of="the file",
        url=config.path,
        part="the whole file",
        label=config.label,
        table=TableReading(
            positive=positive,
            negative=next(value for value in survey.labels if value != positive),
            unlabelled_dropped=survey.unlabelled,
            max_categories=config.categories,
            units=config.units,
        ),
    )


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def _open_csv(path: Path) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    """Column names, and batches of text, because a type guessed from the first rows may not fit later rows."""
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
    # pandas stores the index of a frame as a column of this name, which is no feature
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
    """All columns except the label, in the order of the file.

    Raises:
        UserError: a name is missing, repeated or reserved, or the label or all features are missing.
    """
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
        raise UserError(f"{path}: the name {LABEL!r} is reserved for the label: rename or remove this feature")
    if not features:
        raise UserError(f"{path}: expected columns beside the label {label!r}, found none")
    return features


def _check_names(config: CsvData, features: list[str]) -> None:
    for key, named in (("categorical", config.categorical), ("units", tuple(config.units))):
        for name in named:
            if name not in features:
                raise UserError(f"data.{key}: expected names of columns ({', '.join(features)}), got {name!r}")


def _schema(features: list[str], survey: Survey) -> pa.Schema:
    kinds = {name: pa.string() if survey.is_categorical(name) else pa.float32() for name in features}
    label = pa.field(LABEL, pa.float32(), nullable=False)
    return pa.schema([label, *(pa.field(name, kind, name in survey.missing) for name, kind in kinds.items())])


def _events(
    batches: Iterator[pa.RecordBatch], label: str, positive: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Batches of label and features as in `schema`, without the rows that have no label."""
    for batch in batches:
        labels = as_text(batch[label])
        columns = [pc.equal(labels, positive).cast(pa.uint8()).cast(pa.float32())]
        for field_ in list(schema)[1:]:
            column = batch[field_.name]
            columns.append(as_text(column) if field_.type == pa.string() else float32s(without_missing(column)))
        labelled = pc.is_valid(labels)
        yield pa.RecordBatch.from_arrays([column.filter(labelled) for column in columns], schema=schema)
