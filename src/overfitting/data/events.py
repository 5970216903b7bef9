"""Tables of events: Parquet files with the label first (1 = signal, 0 = background), then the features.

All columns are float32 without nulls. A user-supplied table may also hold text (categories) and nulls (missing values).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from overfitting.base.errors import UserError
from overfitting.base.files import replacing
from overfitting.data.columns import LABEL, NAMES
from overfitting.data.scaling import Features

GROUP_BYTES = 1 << 24  # of a row group: larger ones are read faster, smaller ones need less memory


def table_schema(names: Iterable[str] = NAMES) -> pa.Schema:
    """Schema of a table of numbers: the label, then the features `names`, all float32 and not nullable."""
    return pa.schema([pa.field(name, pa.float32(), nullable=False) for name in (LABEL, *names)])


def write_table(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema | None = None,
    metadata: Mapping[str, str] | None = None,
    use_dictionary: bool = True,
) -> int:
    """Write batches of label and features as one Parquet file, atomically; return the number of rows.

    Batches are cast to `schema` (default: that of HIGGS) and written as soon as they hold `GROUP_BYTES`, so the table
    may be larger than memory. `metadata` is stored in the file's schema. `use_dictionary` suits columns of few values.
    """
    schema = (schema or table_schema()).with_metadata(metadata)
    rows = 0
    with (
        replacing(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd", use_dictionary=use_dictionary) as writer,
    ):
        for group in _groups(batches):
            rows += group.num_rows
            writer.write_table(group.cast(schema))
    return rows


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of consecutive batches; all but the last have at least `GROUP_BYTES`."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size >= GROUP_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


@dataclass(frozen=True)
class Events:
    """Events in memory: `features` is a table (n_rows, n_columns), `labels` is (n_rows,); `source` names the file."""

    features: pa.Table
    labels: NDArray[np.float32]
    source: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self.features.column_names)

    @property
    def needs_encoding(self) -> bool:
        """Whether a feature is text or has missing values."""
        return any(column.type == pa.string() or column.null_count for column in self.features.columns)

    def numbers(self) -> Features:
        """Features (n_rows, n_columns) float32; a category is the index of its first appearance, null is NaN."""
        numbers = np.empty(self.features.shape, np.float32)
        for index, column in enumerate(self.features.columns):
            if column.type == pa.string():
                column = column.combine_chunks().dictionary_encode().indices
            numbers[:, index] = column.to_numpy(zero_copy_only=False)
        return numbers


def read_events(path: Path) -> Events:
    """Read a table of events.

    Raises:
        UserError: the file is missing.
    """
    if not path.is_file():
        raise UserError(f"expected {path}, which the stage download writes; run `dvc repro`")
    table = pq.read_table(path)
    return Events(table.drop_columns(LABEL), table[LABEL].to_numpy().astype(np.float32), str(path))
