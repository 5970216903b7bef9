"""Columns of a table that may be larger than memory."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overfitting.data.scaling import Features

BLOCK_ROWS = 1 << 14  # rows that are read, scaled and written at a time


class ColumnStore:
    """A table (n_rows, n_columns) float32 in a temporary file, written by column, read by row or by column.

    The file is not mapped, so its pages never count as memory of this process.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._rows, self._columns = rows, 0

    def __del__(self) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._rows

    def add(self, columns: Features, start: int = 0) -> None:
        """Add columns (n, n_new_columns) of all rows, or of the n rows from `start` on, up to the last row."""
        for index, column in enumerate(columns.T, self._columns):
            self._file.seek(4 * (index * self._rows + start))
            self._file.write(np.ascontiguousarray(column).data)  # `tofile` hides the cause of an error
        if start + len(columns) == self._rows:
            self._columns += columns.shape[1]

    def __getitem__(self, key: slice | tuple[slice, int]) -> NDArray[np.float32]:
        """Rows `[start:stop]` (n, n_columns), or a column of them, `[start:stop, index]`, (n,)."""
        if isinstance(key, slice):
            return np.stack([self[key, index] for index in range(self._columns)], axis=1)
        rows, index = key
        start, stop, _ = rows.indices(self._rows)
        self._file.seek(4 * (index * self._rows + start))
        return np.fromfile(self._file, np.float32, stop - start)
