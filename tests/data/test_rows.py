"""Checks, duplicates and split of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.base.errors import UserError
from overfitting.config.schema import Split
from overfitting.data.rows import check_rows, first_occurrences, split_rows
from tests.data.test_preparation import NAMES, features


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_error_for_a_value_that_is_not_finite_names_file_row_and_column(value):
    rows = features()
    rows[7, 1] = value
    with pytest.raises(UserError, match=r"my\.csv: row 8, column normal: expected a finite number, got"):
        check_rows(rows, np.zeros(len(rows), np.float32), NAMES, "my.csv")


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5, np.nan])
def test_error_for_a_wrong_label_names_the_row(value):
    labels = np.zeros(500, np.float32)
    labels[3] = value
    with pytest.raises(UserError, match=r"row 4, column label: expected 0 or 1"):
        check_rows(features(), labels, NAMES, "my.csv")


def test_empty_table_is_an_error():
    with pytest.raises(UserError, match="found none"):
        check_rows(features(0), np.zeros(0, np.float32), NAMES, "my.csv")


def test_first_occurrences_drop_repeated_features_only():
    rows = np.array([[1, 2], [3, 4], [1, 2], [1, 3], [3, 4]], np.float32)
    assert first_occurrences(rows).tolist() == [0, 1, 3]


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.integers(1, 40),
    st.integers(0, 60),
    st.integers(0, 30),
    st.none() | st.integers(0, 9),
)
def test_sets_are_disjoint_and_have_the_configured_size(train, validation, test, extra, spare, seed):
    rows = np.arange(100, 100 + train + validation + 1 + extra)
    sets = split_rows(rows, Split(train=train, validation=validation, test=test, spare=spare), seed)
    together = np.concatenate([sets.train, sets.validation, sets.test, sets.spare])
    assert len(set(together)) == len(together)
    assert set(together) <= set(rows)
    assert sets.train.size == train
    assert sets.spare.size == min(spare, max(0, 1 + extra - test))
    assert sets.validation.size == validation
    assert sets.test.size == min(test, 1 + extra)


def test_without_a_seed_the_order_is_that_of_the_tutorial():
    sets = split_rows(np.arange(12), Split(train=5, validation=3, test=9), None)
    assert sets.validation.tolist() == [0, 1, 2]
    assert sets.train.tolist() == [3, 4, 5, 6, 7]
    assert sets.test.tolist() == [8, 9, 10, 11]


def test_seed_zero_shuffles():
    sets = split_rows(np.arange(1000), Split(train=500, validation=100, test=400), 0)
    assert sets.validation.tolist() != list(range(100))


def test_too_few_rows_are_an_error():
    with pytest.raises(UserError, match=r"at least 9 rows \(3 validation \+ 5 training \+ 1 test\), the data has 8"):
        split_rows(np.arange(8), Split(train=5, validation=3, test=9), None)
