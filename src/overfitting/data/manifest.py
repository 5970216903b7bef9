"""Types of data/raw/provenance.json, data/prepared/manifest.json and data/prepared/example.json."""

from typing import ClassVar

from pydantic import ConfigDict

from overfitting.base.records import Record


class TableReading(Record):
    """How a user-supplied table was read."""

    positive: str  # value of the label that counts as 1
    negative: str  # value of the label that counts as 0
    unlabelled_dropped: int  # rows without a label
    max_categories: int  # number of categories per column that are kept apart
    units: dict[str, str]  # by column


class Provenance(Record):
    """Origin of the rows of data/raw/events.parquet. Simulated events add their seed, versions and constants."""

    model_config = ConfigDict(extra="allow")
    has_checksum: ClassVar[bool] = True

    source: str  # bundled, simulated, higgs, csv
    licence: str
    citation: str
    rows: int
    columns: tuple[str, ...]  # features
    sha256: str
    sha256_of: str  # what was hashed, such as "the file"
    url: str | None = None  # address or path that the rows were read from
    part: str | None = None  # the part of the file that was read
    label: str | None = None  # name of the label in a user-supplied table
    checked: bool | None = None  # whether the file is the published HIGGS file, by its SHA-256
    events_sha256: str = ""  # of events.parquet; the stage download adds it
    held_out: int = 0  # if not 0, only these last rows become test rows, and none of them is in the pool
    table: TableReading | None = None  # of a user-supplied table


class TableColumn(Record):
    """A column of a user-supplied table, as `preprocess` used it."""

    name: str
    role: str  # numeric, categorical
    unit: str | None = None
    missing: int = 0  # rows of the whole table without a value
    categories: int | None = None  # categorical: number of categories in the pool
    grouped: int | None = None  # categorical: how many of them share the category `other`
    unseen_rows: int | None = None  # categorical: rows with a category that no row of the pool has


class Table(Record):
    """A user-supplied table, as `preprocess` used it."""

    positive: str
    negative: str
    unlabelled_dropped: int
    columns: tuple[TableColumn, ...]


class Manifest(Record):
    """Content of data/prepared/; `fingerprint` identifies its arrays, `sha256` the source."""

    has_checksum: ClassVar[bool] = True

    source: str
    licence: str
    citation: str
    sha256: str
    rows: int  # in the source, before the split
    columns: tuple[str, ...]  # raw columns
    label: str
    train_rows: int  # of each seed
    validation_rows: int  # of each seed
    test_rows: int
    search_rows: int  # the first rows of the pool, for `make tune` alone
    pool_rows: int  # all rows that are no test rows
    resample: bool  # whether each seed has rows of its own
    pool_signal_share: float
    test_signal_share: float
    duplicates_dropped: int
    fingerprint: str
    files: dict[str, str]  # SHA-256 of each other file of data/prepared/, by name
    scaling: str
    features: tuple[str, ...]  # scaled columns, the input of the networks
    table: Table | None = None  # of a user-supplied table

    @property
    def categorical(self) -> frozenset[str]:
        """Names of the raw columns that hold text."""
        columns = self.table.columns if self.table else ()
        return frozenset(column.name for column in columns if column.role == "categorical")


class Example(Record):
    """A few raw rows of the pool, which show the input of a stored model; a missing value is None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[float | str | None, ...], ...]  # (n_rows, n_columns)
