"""Checks, duplicates and split of rows."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.base.errors import UserError
from overfitting.config.schema import Split
from overfitting.data import rows as rows_module
from overfitting.data.rows import check_rows, check_test_classes, repeated_rows, split_rows, spread, usable_rows
from tests.data.test_preparation import NAMES, features


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_error_for_a_value_that_is_not_finite_names_file_row_and_column(value):
    rows = features()
    rows[7, 1] = value
    with pytest.raises(UserError, match=r"my\.csv: row 8, column normal: expected a finite number, got"):
        check_rows(rows.T, np.zeros(len(rows), np.float32), NAMES, "my.csv", missing=False)


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5, np.nan])
def test_error_for_a_wrong_label_names_the_row(value):
    labels = np.zeros(500, np.float32)
    labels[3] = value
    with pytest.raises(UserError, match=r"row 4, column label: expected 0 or 1"):
        check_rows(features().T, labels, NAMES, "my.csv", missing=False)


def test_empty_table_is_an_error():
    with pytest.raises(UserError, match="found none"):
        check_rows(features(0).T, np.zeros(0, np.float32), NAMES, "my.csv", missing=False)


def test_first_mistake_is_the_first_in_the_order_of_rows():
    rows, labels = features(), np.zeros(500, np.float32)
    labels[0] = 2
    rows[8, 0], rows[7, 2], rows[7, 1], rows[6, 2] = np.inf, np.inf, -np.inf, np.nan
    with pytest.raises(UserError, match=r"row 7, column constant: expected a finite number, got nan"):
        check_rows(rows.T, labels, NAMES, "my.csv", missing=False)
    with pytest.raises(UserError, match=r"row 8, column normal: expected a finite number, got -inf"):
        check_rows(rows.T, labels, NAMES, "my.csv", missing=True)


def by_column(rows):
    return lambda: map(np.ascontiguousarray, rows.T)


def earlier_rows(rows):
    """Indices of the rows that an earlier row equals bit by bit, found row by row."""
    seen, found = set(), []
    for index, row in enumerate(rows):
        if row.tobytes() in seen:
            found.append(index)
        seen.add(row.tobytes())
    return found


def test_repeated_rows_by_hand():
    rows = np.array([[1, 2], [3, 4], [1, 2], [1, 3], [3, 4], [0.0, 4], [-0.0, 4], [1, 2]], np.float32)
    assert repeated_rows(by_column(rows), 8).tolist() == [2, 4, 7]
    assert usable_rows(by_column(rows), 8, "drop", "-").tolist() == [0, 1, 3, 5, 6]
    assert usable_rows(by_column(rows), 8, "keep", "-").tolist() == list(range(8))


@given(
    st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, 2.5, np.nan])] * 3), min_size=1, max_size=60),
    st.sampled_from([rows_module.FACTOR, np.uint64(0), np.uint64(1 << 63)]),
)
def test_repeated_rows_are_exact_even_if_hashes_collide(table, factor):
    rows = np.array(table, np.float32)
    with mock.patch.object(rows_module, "FACTOR", factor):
        assert repeated_rows(by_column(rows), len(rows)).tolist() == earlier_rows(rows)


def test_hashes_of_different_rows_differ():
    """Small whole numbers have few bits set; a weak hash would make every row a candidate."""
    grid = np.stack(np.meshgrid(*[np.arange(30)] * 4), axis=-1).reshape(-1, 4).astype(np.float32)
    with mock.patch.object(np, "stack", side_effect=AssertionError("rows are compared")):
        assert repeated_rows(by_column(grid), len(grid)).size == 0


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.integers(1, 40),
    st.integers(0, 60),
    st.integers(0, 30),
    st.none() | st.integers(0, 9),
)
def test_pool_and_test_rows_are_disjoint_and_all_rows_are_used(train, validation, test, extra, search, seed):
    rows = np.arange(100, 100 + train + validation + search + 1 + extra)
    sets = split_rows(rows, Split(train=train, validation=validation, test=test, search=search), seed)
    assert sorted([*sets.pool, *sets.test]) == list(rows)
    assert sets.test.size == min(test, 1 + extra)


def test_without_a_seed_rows_keep_their_order_and_the_last_ones_are_test_rows():
    sets = split_rows(np.arange(12), Split(train=5, validation=3, test=3), None)
    assert sets.pool.tolist() == list(range(9))
    assert sets.test.tolist() == [9, 10, 11]


def test_seed_zero_shuffles():
    sets = split_rows(np.arange(1000), Split(train=500, validation=100, test=400), 0)
    assert sets.pool.tolist() != list(range(600))


@given(st.integers(1, 30), st.integers(1, 40), st.none() | st.integers(0, 9))
def test_rows_that_the_source_holds_out_become_test_rows_and_nothing_else(held_out, test, seed):
    rows = np.delete(np.arange(100), [3, 99])  # duplicates were dropped
    sets = split_rows(rows, Split(train=20, validation=10, test=test), seed, 100 - held_out)
    assert sets.pool.max() < 100 - held_out
    if held_out > 1:
        assert sets.test.min() >= 100 - held_out
        assert sets.test.size == min(test, held_out - 1)
        assert sets.pool.size == 98 - (held_out - 1)


def test_too_few_rows_are_an_error_with_lines_to_copy():
    with pytest.raises(UserError, match=r"at least 8 rows besides test rows \(3 validation \+ 5 training\), .* has 7"):
        split_rows(np.arange(8), Split(train=5, validation=3, test=9), None)
    split = Split(train=500, validation=300, test=9, search=100)
    with pytest.raises(UserError, match=r"100 search \+ 300 validation") as error:
        split_rows(np.arange(700), split, None)
    assert "split: {train: 420, validation: 140, test: 140, search: 0, resample: true}" in str(error.value)


def test_test_rows_of_one_class_are_an_error():
    check_test_classes(np.array([0, 1], np.float32))
    with pytest.raises(UserError, match="test rows of both classes, but all 3 have the label 1"):
        check_test_classes(np.ones(3, np.float32))


def test_repeated_splits_have_all_rows_in_the_pool_and_in_the_test():
    sets = split_rows(np.arange(50), Split(train=30, validation=10, test=0), 3)
    assert sorted(sets.pool) == list(range(50))
    assert sets.pool.tolist() == sets.test.tolist()
    with pytest.raises(UserError, match="rows for the test alone"):
        split_rows(np.arange(50), Split(train=30, validation=10, test=0), 3, held_out=45)


@given(st.lists(st.booleans(), min_size=20, max_size=200), st.integers(0, 5))
def test_any_stretch_of_spread_rows_has_the_share_of_each_class(labels, seed):
    of = np.array(labels, np.float32)
    order = np.random.default_rng(seed).permutation(of.size)
    found = spread(order, of[order])
    assert sorted(found) == sorted(order)
    half = of[found][: of.size // 2]
    assert abs(half.sum() - of.mean() * half.size) <= 1
