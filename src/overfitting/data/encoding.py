"""A table of one's own -> numbers: categories as columns of 0 and 1, missing values filled in and marked.

MLflow keeps this file beside a model and runs it where that is loaded, so it imports nothing of this package.
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
    """What was learned from the training rows, one entry for each of the raw `columns`.

    A column of numbers has a `median`, which stands for its missing values, and no `categories`; a column of categories
    has those that are told apart, and no median. `has_missing`: some training row lacks the value, so that a column
    of 0 and 1 says where. `has_others`: the training rows have more categories, which one column holds together.
    """

    columns: list[str]
    median: list[float | None]
    categories: list[list[str] | None]
    has_missing: list[bool]
    has_others: list[bool]

    @property
    def features(self) -> list[str]:
        """Names of the encoded columns, such as `age`, `age=missing`, `colour=red`."""
        return [name for index in range(len(self.columns)) for name in self._names(index)]

    def apply(self, table: pd.DataFrame) -> NDArray[np.float32]:
        """Encode raw rows (columns found by name) -> (n_rows, n_features) float32.

        A category that the training rows do not have is one of the others, where there are such; else all its columns
        are 0.
        """
        parts = [self._column(index, table[name]) for index, name in enumerate(self.columns)]
        return np.stack([column for part in parts for column in part], axis=1).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """The content of data/prepared/encoding.json, from which `Encoding(**content)` makes it again."""
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
            # float32: so the table was kept that the medians are of
            numbers = values.to_numpy(np.float32, na_value=np.nan)
            encoded = [np.where(missing, np.float32(self.median[index] or 0.0), numbers)]
        else:
            texts = values.astype(object).to_numpy()
            encoded = [texts == category for category in categories]
            if self.has_others[index]:
                encoded.append(~missing & ~np.isin(texts.astype(str), categories))
        return [*encoded, missing] if self.has_missing[index] else encoded
