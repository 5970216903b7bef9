"""Columns in a file, read by row and by column as from an array."""

from pathlib import Path

import numpy as np

from overfitting.data.column_store import ColumnStore


def test_rows_and_columns_are_those_of_the_array(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    store = ColumnStore(tmp_path, 50)
    for first, last in ((0, 2), (2, 3), (3, 5)):
        store.add(table[:, first:last])
    assert len(store) == 50
    for rows in (slice(0, 50), slice(None), slice(13, 29), slice(40, 99), slice(20, 20)):
        np.testing.assert_array_equal(store[rows], table[rows])
        for column in range(5):
            np.testing.assert_array_equal(store[rows, column], table[rows, column])


def test_rows_lie_one_after_another_as_in_a_table_in_memory(tmp_path: Path) -> None:
    """The sums of `fit_scaling` depend on this order in their last bits."""
    store = ColumnStore(tmp_path, 4)
    store.add(np.ones((4, 3), np.float32))
    assert store[:4].flags.c_contiguous


def test_file_disappears_with_the_store(tmp_path: Path) -> None:
    store = ColumnStore(tmp_path, 2)
    store.add(np.ones((2, 1), np.float32))
    del store
    assert list(tmp_path.iterdir()) == []
