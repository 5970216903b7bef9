"""Fit of a scaling to training rows."""

import numpy as np
from sklearn.preprocessing import StandardScaler

from overfitting.data.preparation import fit_scaling
from overfitting.data.scaling import pieces

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
