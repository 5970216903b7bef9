"""Types of data/raw/provenance.json (written by `download`) and data/prepared/manifest.json (by `preprocess`)."""

from typing import Any

from pydantic import ConfigDict

from overfitting.base.records import Record


class TableReading(Record):
    """How a user-supplied table was read; rows count from 1."""

    positive: str  # value of the label that counts as 1
    negative: str  # value of the label that counts as 0
    unlabelled_dropped: int  # rows without a label
    max_categories: int  # per column, the number of categories that are kept apart
    units: dict[str, str]  # by column


class Provenance(Record):
    """Where the rows of data/raw/events.parquet come from. A source adds facts of its own, such as its URL."""

    model_config = ConfigDict(extra="allow")

    source: str  # bundled, simulated, higgs, csv
    licence: str
    citation: str
    rows: int
    columns: tuple[str, ...]
    sha256: str
    sha256_of: str  # what the hash is of: a file, or the first rows of one
    table: TableReading | None = None  # of a user-supplied table

    @classmethod
    def of(cls, facts: dict[str, Any]) -> "Provenance":
        """The provenance that `facts` state, those of its own source included."""
        return cls.model_validate(facts)


class TableColumn(Record):
    """A column of a user-supplied table, and what `preprocess` made of it."""

    name: str
    role: str  # numeric, categorical
    unit: str | None = None
    missing: int = 0  # rows of the whole table without a value
    categories: int | None = None  # of a categorical column: categories in the training rows
    grouped: int | None = None  # how many of them share the category `other`
    unseen_rows: int | None = None  # rows with a category that no training row has


class Table(Record):
    """What was made of a user-supplied table."""

    positive: str
    negative: str
    unlabelled_dropped: int
    columns: tuple[TableColumn, ...]


class Manifest(Record):
    """What data/prepared/ holds; `fingerprint` is of its arrays, `sha256` of the source."""

    source: str
    licence: str
    citation: str
    sha256: str
    rows: int  # in the source, before the split
    columns: tuple[str, ...]  # raw columns
    label: str
    train_rows: int
    validation_rows: int
    test_rows: int
    spare_rows: int
    train_signal_share: float
    validation_signal_share: float
    test_signal_share: float
    spare_signal_share: float | None = None  # None without spare rows
    duplicates_dropped: int
    fingerprint: str
    scaling: str
    features: tuple[str, ...]  # scaled columns, the input of the networks
    table: Table | None = None  # of a user-supplied table

    @property
    def categorical(self) -> frozenset[str]:
        """Names of the raw columns that hold text."""
        columns = self.table.columns if self.table else ()
        return frozenset(column.name for column in columns if column.role == "categorical")
