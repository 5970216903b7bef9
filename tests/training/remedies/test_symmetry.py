"""Rotations and reflections of collisions."""

import numpy as np
import pytest
from scipy.stats import kstest

from overfitting.base.errors import UserError
from overfitting.data.columns import NAMES
from overfitting.data.preparation import fit_scaling
from overfitting.data.scaling import PHI_LIMIT
from overfitting.training.remedies.symmetry import Symmetry
from overfitting.training.remedy import Stream, seed_of
from tests.builders.training import ROLES, collisions, counter


def transform(scaling, seed=0, step=0):
    """The transform of batches of a run with that seed."""
    remedy = Symmetry(True)
    return remedy.transform(scaling, Stream(seed_of(seed, remedy.stream), counter(step)))


def turned(raw, scaling, seed=0, step=0):
    """Raw columns of the images under the symmetries of scaled rows."""
    features, labels = transform(scaling, seed, step)(scaling.apply(raw), np.arange(len(raw), dtype=np.float32))
    np.testing.assert_array_equal(labels, np.arange(len(raw)))
    return np.asarray(features) * np.array(scaling.deviation) + np.array(scaling.mean)


def wrapped(angles):
    return (angles + PHI_LIMIT) % (2 * PHI_LIMIT) - PHI_LIMIT


@pytest.fixture(scope="module")
def raw():
    return collisions()


@pytest.fixture(scope="module")
def scaling(raw):
    return fit_scaling(raw, NAMES, "standard")


def test_only_angles_and_etas_change(raw, scaling):
    image = turned(raw, scaling)
    others = ~np.isin(ROLES, ("phi", "eta"))
    before = scaling.apply(raw) * np.array(scaling.deviation) + np.array(scaling.mean)
    np.testing.assert_allclose(image[:, others], before[:, others], rtol=1e-5, atol=1e-5)


def test_all_angles_of_an_event_turn_by_one_and_are_reflected_together(raw, scaling):
    before, after = raw[:, ROLES == "phi"], turned(raw, scaling)[:, ROLES == "phi"]
    assert np.abs(after).max() <= PHI_LIMIT + 1e-4
    same = np.abs(wrapped((after - after[:, :1]) - (before - before[:, :1]))).max(1) < 1e-3
    mirrored = np.abs(wrapped((after - after[:, :1]) + (before - before[:, :1]))).max(1) < 1e-3
    assert (same | mirrored).all()
    assert 0.45 < mirrored.mean() < 0.55


def test_all_etas_of_an_event_change_sign_together(raw, scaling):
    before, after = raw[:, ROLES == "eta"], turned(raw, scaling)[:, ROLES == "eta"]
    sign = np.sign(after[:, :1] * before[:, :1])
    np.testing.assert_allclose(after, before * sign, atol=1e-4)
    assert 0.45 < (sign < 0).mean() < 0.55


def test_the_angle_is_uniform_and_another_in_each_step(raw, scaling):
    first = turned(raw, scaling)[:, 2]
    assert kstest(first, "uniform", (-PHI_LIMIT, 2 * PHI_LIMIT)).pvalue > 1e-4
    assert np.corrcoef(first, turned(raw, scaling, step=1)[:, 2])[0, 1] < 0.1
    np.testing.assert_array_equal(first, turned(raw, scaling)[:, 2])


def test_symmetric_columns_are_the_same_for_every_image_of_an_event(raw):
    """What preprocessing=symmetry computes is invariant under what variant.symmetry does."""
    scaling, plain = fit_scaling(raw, NAMES, "symmetry"), fit_scaling(raw, NAMES, "none")
    image = turned(raw, plain).astype(np.float32)
    np.testing.assert_allclose(scaling.apply(image), scaling.apply(raw), atol=5e-3)
    assert len(scaling.features) == 32
    assert "lepton_phi" not in scaling.features


def test_after_symmetric_columns_nothing_is_left_to_do(raw):
    scaling = fit_scaling(raw, NAMES, "symmetry")
    assert transform(scaling) is None


def test_columns_without_symmetries_are_an_error():
    scaling = fit_scaling(collisions()[:, :3], ("a", "b", "c"), "standard")
    for unknown in (scaling, None):
        with pytest.raises(UserError, match="expected columns of collisions"):
            transform(unknown)
