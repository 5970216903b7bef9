"""Fit of a scaling to training rows."""

import dataclasses
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import skew
from sklearn.preprocessing import StandardScaler

from overfitting.data import preparation
from overfitting.data.column_store import ColumnStore
from overfitting.data.columns import NAMES as COLLISIONS
from overfitting.data.preparation import fit_scaling
from overfitting.data.scaling import pieces
from tests.builders.training import collisions

NAMES = ("lognormal", "normal", "constant")


def features(n_rows=500, seed=0):
    generator = np.random.default_rng(seed)
    columns = (generator.lognormal(1, 1, n_rows), generator.normal(3, 2, n_rows), np.full(n_rows, 4.0))
    return np.column_stack(columns).astype(np.float32)


def test_standard_scaling_is_fitted_to_the_given_rows_and_equals_scikit_learn():
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


def test_value_below_the_training_minimum_is_floored_before_its_logarithm():
    scaling = fit_scaling(features(), NAMES, "standard")
    low = np.array([[-5.0, 0.0, 4.0], [0.0, 0.0, 4.0]], np.float32)
    assert np.isfinite(scaling.apply(low)).all()


def test_none_changes_nothing():
    rows = features()
    assert (fit_scaling(rows, NAMES, "none").apply(rows) == rows).all()


def test_pieces_match_values_computed_by_hand():
    encoded = pieces(np.array([[-1.0, 5.0], [0.5, 5.5], [3.0, 9.0]]), [[0.0, 1.0, 5.0], [5.0, 6.0]])
    np.testing.assert_allclose(encoded, [[0, 0, 0], [0.5, 0, 0.5], [1, 0.5, 1]])


def test_piecewise_encoding_is_invertible_within_the_training_range():
    rows = features()
    scaling = fit_scaling(rows, NAMES, "piecewise")
    assert scaling.features[:2] == ["lognormal[0]", "lognormal[1]"]
    assert [len(edges) - 1 for edges in scaling.edges] == [8, 8, 1]
    encoded = scaling.apply(rows) * np.array(scaling.deviation) + np.array(scaling.mean)
    widths = np.diff(scaling.edges[0])
    np.testing.assert_allclose(encoded[:, :8] @ widths + scaling.edges[0][0], rows[:, 0], rtol=1e-4)
    np.testing.assert_allclose(scaling.apply(rows)[:, :16].std(0), 1, atol=1e-4)


def test_pieces_of_a_column_with_few_values_have_these_as_edges():
    rows = np.repeat([[0.0], [1.1], [2.2]], [60, 30, 10], axis=0).astype(np.float32)
    np.testing.assert_allclose(fit_scaling(rows, ("btag",), "piecewise").edges, [[0.0, 1.1, 2.2]], rtol=1e-6)


def whole_table(rows, logarithm):
    """Floor, mean and deviation of the columns, computed by NumPy on the whole table at once."""
    values = rows.astype(np.float64)
    floor = values.min(axis=0)
    values[:, logarithm] = np.log(values[:, logarithm])
    return floor.tolist(), values.mean(axis=0).tolist(), values.std(axis=0).tolist()


@pytest.mark.parametrize("block", [1, 7, 1000, 100_000])
def test_statistics_in_blocks_equal_those_of_the_whole_table_bit_by_bit(block, monkeypatch):
    monkeypatch.setattr(preparation, "BLOCK_ROWS", block)
    rows = features(3000)
    scaling = fit_scaling(rows, NAMES, "standard")
    floor, mean, deviation = whole_table(rows, [True, False, False])
    assert scaling.logarithm == [True, False, False]
    assert (scaling.floor, scaling.mean) == (floor, mean)
    assert scaling.deviation == [*deviation[:2], 1.0]


@given(
    arrays(np.float32, st.tuples(st.integers(2, 40), st.just(3)), elements=st.floats(0.125, 1e4, width=32)),
    st.integers(1, 50),
)
def test_logarithms_are_those_of_columns_that_scipy_finds_skewed(rows, block):
    with mock.patch.object(preparation, "BLOCK_ROWS", block):
        found = fit_scaling(rows, NAMES, "standard").logarithm
    for column, logarithm in zip(rows.T.astype(np.float64), found, strict=True):
        skewness = skew(column) if np.ptp(column) > 1e-3 * column.max() else 0.0
        assume(abs(skewness - 1) > 1e-6)
        assert logarithm == (skewness > 1)


@pytest.mark.parametrize("value", [4.0, 4.1, 1e-3, 123456.78])
def test_constant_column_keeps_its_values(value):
    scaling = fit_scaling(np.full((10_007, 2), value, np.float32), ("a", "b"), "standard")
    assert scaling.logarithm == [False, False]


@pytest.mark.parametrize("kind", ["none", "standard", "symmetry", "piecewise"])
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_every_scaling_is_the_same_for_any_block(kind, block, tmp_path, monkeypatch):
    rows = collisions(1500)
    whole = fit_scaling(rows, COLLISIONS, kind)
    store = ColumnStore(tmp_path, len(rows))
    store.add(rows)
    monkeypatch.setattr(preparation, "BLOCK_ROWS", block)
    found = fit_scaling(store, COLLISIONS, kind)
    if kind == "symmetry":  # these columns lie one after another in memory, so NumPy adds them pairwise
        np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found.deviation, whole.deviation, rtol=1e-12)
        found = dataclasses.replace(found, mean=whole.mean, deviation=whole.deviation)
    assert found == whole
