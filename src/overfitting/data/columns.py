"""The 28 columns and the label of HIGGS-like events: names, roles, units, and the table they are kept in.

A table of events is a Parquet file: the label first (1 = signal, 0 = background), then the features,
all float32. Another data set has other columns, but the same shape; a table of one's own may hold text (categories)
and nulls (missing values).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

LABEL = "label"


class Column(NamedTuple):
    """A feature: its name, what it plays in the event (`pt`, `eta`, `phi`, `btag`, `mass`), and its unit."""

    name: str
    role: str
    unit: str


def _object(name: str) -> list[Column]:
    return [
        Column(f"{name}_pt", "pt", "GeV / mean"),
        Column(f"{name}_eta", "eta", "pseudorapidity, scaled"),
        Column(f"{name}_phi", "phi", "rad x 1.743 / pi"),
    ]


# Order and meaning: Baldi, Sadowski, Whiteson, Nature Communications 5, 4308 (2014), and the UCI page of HIGGS.
COLUMNS: tuple[Column, ...] = (
    *_object("lepton"),
    Column("missing_energy", "pt", "GeV / mean"),
    Column("missing_energy_phi", "phi", "rad x 1.743 / pi"),
    *(
        column
        for jet in ("jet_1", "jet_2", "jet_3", "jet_4")
        for column in (*_object(jet), Column(f"{jet}_btag", "btag", "{0, 1, 2} / mean"))
    ),
    *(Column(name, "mass", "GeV / mean") for name in ("m_jj", "m_jjj", "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb")),
)
NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)


def roles(names: Iterable[str]) -> list[str]:
    """What each of the columns `names` plays in the event; `other` for a column that is none of HIGGS's."""
    known = {column.name: column.role for column in COLUMNS}
    return [known.get(name, "other") for name in names]


def table_schema(names: Iterable[str] = NAMES) -> pa.Schema:
    """Schema of a table of events: the label, then the features `names`, all float32 and not nullable."""
    return pa.schema([pa.field(name, pa.float32(), nullable=False) for name in (LABEL, *names)])


def write_table(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    names: Iterable[str] = NAMES,
    metadata: Mapping[str, str] | None = None,
    schema: pa.Schema | None = None,
) -> int:
    """Write record batches (label + features) as one Parquet file, atomically; return the number of rows.

    Batches are cast to float32 (or to `schema`) and written as they come, so that a table larger than memory can pass
    through; `metadata` is kept in the file's schema.
    """
    schema = (schema or table_schema(names)).with_metadata(metadata)
    partial = path.with_suffix(".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            for batch in batches:
                rows += batch.num_rows
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows
