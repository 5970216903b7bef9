"""Checks, splits and scaling of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from overfitting.base.errors import UserError
from overfitting.config.schema import Split
from overfitting.data.preparation import check_rows, first_occurrences, fit_scaling, split_rows
from overfitting.data.scaling import pieces

NAMES = ("lognormal", "normal", "constant")


def features(n_rows=500, seed=0):
    generator = np.random.default_rng(seed)
    columns = (generator.lognormal(1, 1, n_rows), generator.normal(3, 2, n_rows), np.full(n_rows, 4.0))
    return np.column_stack(columns).astype(np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_by_file_row_and_column(value):
    rows = features()
    rows[7, 1] = value
    with pytest.raises(UserError, match=r"my\.csv: row 8, column normal: expected a finite number, got"):
        check_rows(rows, np.zeros(len(rows), np.float32), NAMES, "my.csv")


@pytest.mark.parametrize("value", [2.0, -1.0, 0.5, np.nan])
def test_a_wrong_label_is_named(value):
    labels = np.zeros(500, np.float32)
    labels[3] = value
    with pytest.raises(UserError, match=r"row 4, column label: expected 0 or 1"):
        check_rows(features(), labels, NAMES, "my.csv")


def test_no_rows_are_an_error():
    with pytest.raises(UserError, match="found none"):
        check_rows(features(0), np.zeros(0, np.float32), NAMES, "my.csv")


def test_first_occurrences_drops_repeated_features_only():
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
def test_splits_are_disjoint_and_as_large_as_asked(train, validation, test, extra, spare, seed):
    rows = np.arange(100, 100 + train + validation + 1 + extra)
    split = split_rows(rows, Split(train=train, validation=validation, test=test, spare=spare), seed)
    together = np.concatenate(list(split.values()))
    assert len(set(together)) == len(together)
    assert set(together) <= set(rows)
    assert split["train"].size == train + min(spare, max(0, 1 + extra - test))
    assert split["validation"].size == validation
    assert split["test"].size == min(test, 1 + extra)


def test_without_a_seed_the_order_is_the_tutorials():
    split = split_rows(np.arange(12), Split(train=5, validation=3, test=9), None)
    assert split["validation"].tolist() == [0, 1, 2]
    assert split["train"].tolist() == [3, 4, 5, 6, 7]
    assert split["test"].tolist() == [8, 9, 10, 11]


def test_seed_zero_shuffles():
    split = split_rows(np.arange(1000), Split(train=500, validation=100, test=400), 0)
    assert split["validation"].tolist() != list(range(100))


def test_too_few_rows_are_an_error():
    with pytest.raises(UserError, match=r"at least 9 rows \(3 validation \+ 5 training \+ 1 test\), the data has 8"):
        split_rows(np.arange(8), Split(train=5, validation=3, test=9), None)


def test_standard_scaling_is_learned_from_the_rows_given_and_is_scikit_learns():
    train, other = features(), features(seed=1)
    scaling = fit_scaling(train, NAMES, "standard")
    assert scaling.logarithm == [True, False, False]
    expected = train.astype(np.float64)
    expected[:, 0] = np.log(expected[:, 0])
    reference = StandardScaler().fit(expected)
    np.testing.assert_allclose(scaling.apply(train), reference.transform(expected), atol=1e-5)
    changed = other.astype(np.float64)
    changed[:, 0] = np.log(np.maximum(changed[:, 0], train[:, 0].min()))
    np.testing.assert_allclose(scaling.apply(other), reference.transform(changed), atol=1e-5)


def test_a_value_below_the_training_rows_is_floored_before_its_logarithm():
    scaling = fit_scaling(features(), NAMES, "standard")
    low = np.array([[-5.0, 0.0, 4.0], [0.0, 0.0, 4.0]], np.float32)
    assert np.isfinite(scaling.apply(low)).all()


def test_none_leaves_rows_as_they_are():
    rows = features()
    assert (fit_scaling(rows, NAMES, "none").apply(rows) == rows).all()


def test_pieces_are_counted_by_hand():
    encoded = pieces(np.array([[-1.0, 5.0], [0.5, 5.5], [3.0, 9.0]]), [[0.0, 1.0, 5.0], [5.0, 6.0]])
    np.testing.assert_allclose(encoded, [[0, 0, 0], [0.5, 0, 0.5], [1, 0.5, 1]])


def test_piecewise_encoding_loses_nothing_within_the_training_rows():
    rows = features()
    scaling = fit_scaling(rows, NAMES, "piecewise")
    assert scaling.features[:2] == ["lognormal[0]", "lognormal[1]"]
    assert [len(edges) - 1 for edges in scaling.edges] == [8, 8, 1]
    encoded = scaling.apply(rows) * np.array(scaling.deviation) + np.array(scaling.mean)
    widths = np.diff(scaling.edges[0])
    np.testing.assert_allclose(encoded[:, :8] @ widths + scaling.edges[0][0], rows[:, 0], rtol=1e-4)
    np.testing.assert_allclose(scaling.apply(rows)[:, :16].std(0), 1, atol=1e-4)


def test_pieces_of_a_column_with_few_values_lie_between_these():
    rows = np.repeat([[0.0], [1.1], [2.2]], [60, 30, 10], axis=0).astype(np.float32)
    np.testing.assert_allclose(fit_scaling(rows, ("btag",), "piecewise").edges, [[0.0, 1.1, 2.2]], rtol=1e-6)
