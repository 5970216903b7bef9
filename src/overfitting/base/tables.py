"""CSV tables that an earlier stage wrote."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from overfitting.base import files


def read_table(path: Path, numbers: Sequence[str], text: Sequence[str] = ()) -> pd.DataFrame:
    """A table with at least the columns `numbers` and `text`; raises UserError if the file holds anything else."""
    kinds: Mapping[str, type] = dict.fromkeys(text, str)
    try:
        table = pd.read_csv(io.StringIO(files.read_text(path)), dtype=kinds)
    except ValueError as error:
        raise files.unusable(path, f"expected a table in CSV; {error}") from None
    if missing := [name for name in (*text, *numbers) if name not in table]:
        raise files.unusable(path, f"expected the columns {', '.join((*text, *numbers))}; {missing[0]} is missing")
    if wrong := [name for name in numbers if not is_numeric_dtype(table[name])]:
        raise files.unusable(path, f"expected numbers in the column {wrong[0]}")
    return table
