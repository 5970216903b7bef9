"""Encodes a user-supplied table as numbers: categories as columns of 0 and 1, missing values filled in and marked.

MLflow stores this file with each model and runs it without this package, so it imports nothing from the package.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = "missing"
OTHER = "other"


@dataclass(frozen=True)
class Encoding:
    """An encoding fitted to training rows; each list has one entry per raw column."""

    columns: list[str]
    median: list[float | None]  # of a numeric column, replaces its missing values; None for a categorical one
    categories: list[list[str] | None]  # of a categorical column, those kept apart; None for a numeric one
    has_missing: list[bool]  # whether training rows lack the value; then an indicator column marks missing values
    has_others: list[bool]  # whether the training rows have more categories, which share one column

    @property
    def features(self) -> list[str]:
        """Names of the encoded columns, such as `age`, `age=missing`, `colour=red`."""
        return [name for index in range(len(self.columns)) for name in self._names(index)]

    def apply(self, table: pd.DataFrame) -> NDArray[np.float32]:
        """Encode raw rows, columns found by name, as (n_rows, n_features) float32.

        A category that no training row has counts as `other` if there is such a column; otherwise the columns of all
        categories are 0.
        """
        parts = [self._column(index, table[name]) for index, name in enumerate(self.columns)]
        return np.stack([column for part in parts for column in part], axis=1).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Content of data/prepared/encoding.json; `Encoding(**content)` restores the encoding."""
        return dataclasses.asdict(self)

    def _names(self, index: int) -> list[str]:
        name, categories = self.columns[index], self.categories[index]
        own = [name] if categories is None else [f"{name}={category}" for category in categories]
        others = [f"{name}={OTHER}"] if self.has_others[index] else []
        return [*own, *others, *([f"{name}={MISSING}"] if self.has_missing[index] else [])]

    def _column(self, index: int, values: pd.Series) -> list[NDArray[Any]]:
        missing = values.isna().to_numpy(bool)
        categories = self.categories[index]
        if categories is None:
            # float32, the precision in which the medians were computed
            numbers = values.to_numpy(np.float32, na_value=np.nan)
            encoded = [np.where(missing, np.float32(self.median[index] or 0.0), numbers)]
        else:
            texts = values.astype(object).to_numpy()
            encoded = [texts == category for category in categories]
            if self.has_others[index]:
                encoded.append(~missing & ~np.isin(texts.astype(str), categories))
        return [*encoded, missing] if self.has_missing[index] else encoded
