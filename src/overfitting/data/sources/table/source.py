"""Reads a user-supplied table, CSV with a header or Parquet: numbers, categories and a binary label."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from overfitting.base.errors import UserError
from overfitting.base.files import file_digest
from overfitting.config.reading import not_utf8
from overfitting.config.sources import CsvData
from overfitting.data.columns import LABEL
from overfitting.data.events import write_table
from overfitting.data.manifest import Provenance, TableReading
from overfitting.data.sources.table.survey import Survey, refuse, survey
from overfitting.data.sources.table.suspicions import is_number

BLOCK_BYTES = 1 << 23
BATCH_ROWS = 1 << 16
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}  # by their first bytes
OTHERS = {  # kinds of files by their first bytes
    b"PK\x03\x04": "an Excel workbook or another ZIP archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\xfd7zXZ": "an xz archive",
    b"ARROW1": "an Arrow file",
    b"SQLite": "a database",
}
INDEX = re.compile(r"Unnamed: \d+")  # names that pandas gives to an index
SHOWN = 20  # names of columns in an error message
SHOWN_OF_ERROR = 500  # characters of an error of Arrow
SUPPLIED = "as supplied by the user"


def fetch(config: CsvData, destination: Path) -> Provenance:
    """Write the user's table to `destination`.

    The label becomes 1 and 0. Columns of numbers (true and false count as 1 and 0) become float32, all others text.
    Missing values become null if they are to be imputed.

    Raises:
        UserError: the file is missing or unreadable, its label is unknown or ambiguous, or a value cannot be used.
    """
    path = Path(config.path).expanduser()
    found, events = convert(read(path), config)
    with _readable(path):
        rows = write_table(destination, events.to_batches(), events.schema)
    return Provenance(
        source="csv",
        licence=SUPPLIED,
        citation=SUPPLIED,
        rows=rows,
        columns=tuple(found.columns),
        sha256=file_digest(path),
        sha256_of="the file",
        url=config.path,
        part="the whole file",
        label=config.label,
        table=TableReading(
            positive=found.positive,
            negative=next(value for value in found.labels if value != found.positive),
            unlabelled_dropped=found.label.null_count,
            max_categories=config.categories,
            units=config.units,
        ),
    )


def read(path: Path) -> pa.Table:
    """The whole table; all columns of a CSV file are text.

    Raises:
        UserError: the file is missing, or neither Parquet nor text in UTF-8, plain or compressed.
    """
    if not path.is_file():
        raise UserError(f"data.path={path}: expected a CSV or Parquet file, found none")
    with _readable(path):
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"PAR1"):
            return _read_parquet(path)
        for magic, kind in OTHERS.items():
            if start.startswith(magic):
                raise UserError(f"{path}: expected CSV or Parquet, found {kind}; export the table as CSV in UTF-8")
        compression = next((name for magic, name in COMPRESSED.items() if start.startswith(magic)), None)
        with pa.input_stream(str(path), compression=compression) as file:
            start = file.read(BLOCK_BYTES)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
            raise UserError(f"{path}: {not_utf8(path, start)}")
        return _read_csv(path, compression)


def convert(table: pa.Table, config: CsvData) -> tuple[Survey, pa.Table]:
    """Survey a table and make it one of events.

    Raises:
        UserError: lists every problem of the table.
    """
    found = survey_table(table, config)
    refuse(Path(config.path).expanduser(), found.problems)
    fields = [pa.field(name, column.data.type, column.has_missing) for name, column in found.columns.items()]
    schema = pa.schema([pa.field(LABEL, pa.float32(), nullable=False), *fields])
    label = pc.equal(found.label, found.positive).cast(pa.uint8()).cast(pa.float32())
    events = pa.table([label, *(column.data for column in found.columns.values())], schema)
    return found, events.filter(pc.is_valid(found.label))


def survey_table(table: pa.Table, config: CsvData) -> Survey:
    """Contents of a table that was read from `config.path`.

    Raises:
        UserError: its columns cannot be told apart, or hold text in another encoding.
    """
    path = Path(config.path).expanduser()
    with _readable(path):
        return survey(table, _features(config, path, table.column_names), config)


def _read_csv(path: Path, compression: str | None) -> pa.Table:
    """Read all columns as text, because a type guessed from the first rows may not fit later rows."""
    options = {
        "read_options": csv.ReadOptions(block_size=BLOCK_BYTES),
        "parse_options": csv.ParseOptions(newlines_in_values=True),
    }
    with pa.input_stream(str(path), compression=compression) as file, csv.open_csv(file, **options) as reader:
        header = reader.schema.names
    text = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
    with pa.input_stream(str(path), compression=compression) as file:
        table = csv.open_csv(file, convert_options=text, **options).read_all()
    return table.rename_columns([name.strip() or f"Unnamed: {index}" for index, name in enumerate(header)])


def _read_parquet(path: Path) -> pa.Table:
    # pandas stores the index of a frame as a column of this name, which is no feature
    with pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if not name.startswith("__index_level_")]
        return pa.Table.from_batches(file.iter_batches(BATCH_ROWS), file.schema_arrow).select(names)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn errors of reading into one UserError."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        is_encoding = isinstance(error, UnicodeDecodeError) or "UTF8" in str(error)
        raise UserError(f"{path}: {not_utf8(path, b'') if is_encoding else str(error)[:SHOWN_OF_ERROR]}") from error


def _features(config: CsvData, path: Path, names: list[str]) -> list[str]:
    """All columns except the label and those to leave out, in the order of the file.

    Raises:
        UserError: lists the names that are missing, repeated, reserved or unknown.
    """
    label, problems = config.label, list[str]()
    for index, name in enumerate(names):
        if name in config.drop:
            continue
        if INDEX.fullmatch(name):
            problems.append(
                f"column {index + 1} has no name, like an index that pandas wrote: name it, or leave it out "
                f"(data.drop: [{name!r}])"
            )
        elif names.index(name) < index:
            problems.append(f"{names.count(name)} columns are called {name!r}: rename all but one")
    if label not in names:
        problems.append(
            f"data.label={label}: the file has no such column, only {', '.join(names[:SHOWN])}"
            f"{', ...' if len(names) > SHOWN else ''}{_delimiter(names)}"
        )
    features = [name for name in names if name != label and name not in config.drop]
    if LABEL in features:
        problems.append(f"the name {LABEL!r} is reserved for the label: rename it, or leave it out (data.drop)")
    if not features:
        problems.append(f"expected columns beside the label {label!r}, found none")
    known = {"drop": [name for name in names if name != label], "categorical": features, "units": features}
    for key, allowed in known.items():
        for name in getattr(config, key):
            if name not in allowed:
                problems.append(f"data.{key}: expected names of columns ({', '.join(allowed[:SHOWN])}), got {name!r}")
    refuse(path, dict.fromkeys(problems))
    return features


def _delimiter(names: list[str]) -> str:
    """A hint at what may be wrong with the first line, if it lacks the label."""
    if all(is_number(name) for name in names):
        return "; the first line should name the columns, but it holds numbers"
    found = next((mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]), None)
    hint = f", but here by {found!r}: write commas" if found else ""
    return f"; columns are separated by commas{hint}, and the first line names them" if len(names) == 1 else ""
