"""The schema of conf/data/: one class per source of events."""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from overfitting.config.types import CHECKED, Count, Flag, Integer, Name, Positive, Real, Seed

WebAddress = Annotated[str, Field(pattern="^https?://[^/]")]


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class BundledData:
    """The HIGGS-like events committed with the project."""

    source: Literal["bundled"]
    path: Name
    """Parquet file with the events."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class SimulatedData:
    """HIGGS-like events simulated at run time."""

    source: Literal["simulated"]
    rows: Count
    """Number of events; a larger number adds events to those of a smaller one."""
    seed: Seed
    """Determines the events."""
    processes: Count | None
    """Number of processes; null: one per core. The events do not depend on it."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class HiggsData:
    """Genuine events: the HIGGS file of UCI, or its first rows."""

    source: Literal["higgs"]
    rows: Count | None
    """Number of rows, from the start of the file; null: the whole file, which is then checked."""
    path: Name | None
    """Local file or file: URL, plain or gzip; null: download."""
    urls: Annotated[tuple[WebAddress, ...], Field(min_length=1)]
    """Addresses of HIGGS.csv.gz, tried in this order."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the published HIGGS.csv.gz."""
    size_bytes: Count
    """Size of the published HIGGS.csv.gz."""
    timeout_seconds: Annotated[Positive, Field(le=3600)]
    """Time without data from the server after which a connection is closed."""
    retries: Annotated[Integer, Field(ge=0, le=1000)]
    """Consecutive failures per URL that are tolerated."""


@dataclass(frozen=True, kw_only=True, config=CHECKED)
class CsvData:
    """A user-supplied table with a binary label, CSV with a header or Parquet."""

    source: Literal["csv"]
    path: Name
    """The file; in data/own/, DVC notices changes in its content."""
    label: Name
    """Column with two values."""
    positive: Flag | Integer | Real | Name | None = None
    """Value of the label that counts as 1; null: the larger number, true or yes."""
    missing: Literal["error", "impute"] = "error"
    """Missing features; `impute`: the median and an indicator column, or a separate category for text."""
    missing_labels: Literal["error", "drop"] = "error"
    """Rows without a label."""
    categorical: tuple[Name, ...] = ()
    """Columns of numbers to read as categories; columns of text always are."""
    categories: Count = 20
    """Per column, the number of categories that are kept apart, the most frequent ones; the others are grouped."""
    drop: tuple[Name, ...] = ()
    """Columns to leave out, such as an identifier."""
    units: dict[str, str] = field(default_factory=dict)
    """Unit per column, shown in the report."""


Data = Annotated[BundledData | SimulatedData | HiggsData | CsvData, Field(discriminator="source")]
