"""The settings of a table of one's own: what conf/data/csv.yaml may say beyond its path and its label.

They are not in `overfitting.config`, since that is part of what a finished run is known by.
"""

from dataclasses import field
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from overfitting.config import Count, CsvData, Flag, Integer, Name, Real


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class OwnTable(CsvData):
    """A table of one's own: how its label, its missing values and its categories are read.

    `positive` is the value of the label that counts as 1; null takes the larger of two numbers, or true, or yes. Rows
    without a label, and missing values of features, are an error, unless they are to be dropped and imputed. Columns
    without a number are categories, and those named in `categorical`; of each column the `categories` most frequent
    ones of the training rows are told apart. `units` are shown in the report.
    """

    positive: Flag | Integer | Real | Name | None = None
    missing: Literal["error", "impute"] = "error"
    missing_labels: Literal["error", "drop"] = "error"
    categorical: tuple[Name, ...] = ()
    categories: Count = 20
    units: dict[str, str] = field(default_factory=dict)
