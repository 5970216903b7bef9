"""Symmetries and mixup: what they do to a batch, and how they are distributed."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from overfitting.base.errors import UserError
from overfitting.config.schema import Variant
from overfitting.data.columns import NAMES, roles
from overfitting.data.preparation import fit_scaling
from overfitting.data.scaling import PHI_LIMIT
from overfitting.training.augmentation import augmentation

ROLES = np.array(roles(NAMES))


def counter(value=0):
    return keras.Variable(value, dtype="int64", trainable=False)


def collisions(n_rows=2000, seed=0):
    """Invented events: positive momenta and masses, angles, b-tags."""
    generator = np.random.default_rng(seed)
    draw = {
        "pt": lambda: generator.lognormal(0, 0.5, n_rows),
        "mass": lambda: generator.lognormal(0, 0.5, n_rows),
        "eta": lambda: generator.normal(0.3, 1, n_rows),
        "phi": lambda: generator.uniform(-PHI_LIMIT, PHI_LIMIT, n_rows) * 0.999,
        "btag": lambda: generator.choice([0.0, 1.1, 2.2], n_rows),
    }
    return np.column_stack([draw[role]() for role in ROLES]).astype(np.float32)


def turned(raw, scaling, seed=0, step=0):
    """Raw columns of the images under the symmetries of scaled rows."""
    transform = augmentation(Variant(symmetry=True), scaling, seed, counter(step))
    features, labels = transform(scaling.apply(raw), np.arange(len(raw), dtype=np.float32))
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
    features = scaling.apply(raw)
    image, _ = augmentation(Variant(symmetry=True), scaling, 0, counter())(features, np.zeros(len(raw)))
    np.testing.assert_array_equal(image, features)


def test_columns_without_symmetries_are_an_error():
    scaling = fit_scaling(collisions()[:, :3], ("a", "b", "c"), "standard")
    for unknown in (scaling, None):
        with pytest.raises(UserError, match="expected columns of collisions"):
            augmentation(Variant(symmetry=True), unknown, 0, counter())


@given(alpha=st.floats(0.05, 8.0), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=25, deadline=None)
def test_mixup_takes_two_rows_by_one_share_for_features_and_label(alpha, seed):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(50, 3)).astype(np.float32)
    labels = np.tile([0.0, 1.0], 25).astype(np.float32)  # neighbours differ, so the label tells the share
    mixed, soft = map(np.asarray, augmentation(Variant(mixup=alpha), None, seed, counter())(features, labels))
    share = np.where(labels == 1, soft, 1 - soft)[:, None]
    assert ((soft >= 0) & (soft <= 1)).all()
    np.testing.assert_allclose(mixed, share * features + (1 - share) * np.roll(features, 1, 0), atol=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_of_mixup_are_of_the_beta_distribution(alpha):
    labels = np.tile([0.0, 1.0], 5000).astype(np.float32)
    _, soft = augmentation(Variant(mixup=alpha), None, 3, counter())(np.zeros((10_000, 1), np.float32), labels)
    share = np.where(labels == 1, soft, 1 - np.asarray(soft))
    assert kstest(share, "beta", (alpha, alpha)).pvalue > 1e-4


def test_without_a_remedy_a_batch_stays_as_it_is():
    features, labels = collisions(5), np.ones(5, np.float32)
    same = augmentation(Variant(), None, 0, counter())(features, labels)
    assert same[0] is features
    assert same[1] is labels
