"""Tables of events: Parquet files with the label first (1 = signal, 0 = background), then the features.

All columns are float32 without nulls. A user-supplied table may also hold text (categories) and nulls (missing values).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from overfitting.base.errors import UserError
from overfitting.base.files import replacing
from overfitting.data.columns import LABEL, NAMES


def table_schema(names: Iterable[str] = NAMES) -> pa.Schema:
    """Schema of a table of numbers: the label, then the features `names`, all float32 and not nullable."""
    return pa.schema([pa.field(name, pa.float32(), nullable=False) for name in (LABEL, *names)])


def write_table(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema | None = None,
    metadata: Mapping[str, str] | None = None,
    use_dictionary: bool = True,
    few_values: list[str] | None = None,
) -> int:
    """Write batches of label and features as one Parquet file, atomically; return the number of rows.

    Each batch is cast to `schema` (default: that of HIGGS) and written at once, so the table may be larger than memory.
    `metadata` is stored in the file's schema. `use_dictionary` suits columns of few
    values; if they are named, the others are compressed as well as possible, which takes longer.
    """
    schema = (schema or table_schema()).with_metadata(metadata)
    rows = 0
    with (
        replacing(path) as partial,
        pq.ParquetWriter(
            partial,
            schema,
            compression="zstd",
            compression_level=None if few_values is None else 19,
            use_dictionary=few_values or use_dictionary,
            use_byte_stream_split=[name for name in schema.names if name not in few_values] if few_values else False,
        ) as writer,
    ):
        for batch in batches:
            rows += batch.num_rows
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
    return rows


@dataclass(frozen=True)
class Events:
    """A Parquet file of events, read by column, so that it may be larger than memory; `names` are its features."""

    path: Path
    names: tuple[str, ...]

    @cached_property
    def labels(self) -> NDArray[np.float32]:
        """Labels (n_rows,)."""
        return numbers(self.column(LABEL))

    @cached_property
    def needs_encoding(self) -> bool:
        """Whether a feature is text or has missing values."""
        return any(
            field.type == pa.string() or (field.nullable and self.column(field.name).null_count)
            for field in pq.read_schema(self.path)
        )

    def column(self, name: str) -> pa.ChunkedArray:
        """Values (n_rows,) of a column."""
        with pq.ParquetFile(self.path) as file:
            return file.read(columns=[name]).column(name)  # the name `a` reads columns like `a.b`, too


def numbers(column: pa.ChunkedArray) -> NDArray[np.float32]:
    """Values (n_rows,) of a column; a category is the index of its first appearance, null is NaN."""
    if column.type == pa.string():
        column = column.combine_chunks().dictionary_encode().indices
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float32)


def read_events(path: Path) -> Events:
    """Open a table of events.

    Raises:
        UserError: the file is missing.
    """
    if not path.is_file():
        raise UserError(f"expected {path}, which the stage download writes; run `dvc repro`")
    return Events(path, tuple(name for name in pq.read_schema(path).names if name != LABEL))
