"""Mixup: shares and partners."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from overfitting.training.remedies.mixup import Mixup
from overfitting.training.remedy import Stream, seed_of
from tests.builders.training import counter


def transform(alpha, seed):
    """The transform of batches of a run with that seed."""
    return Mixup(alpha).transform(None, Stream(seed_of(seed, Mixup.stream), counter()))


@given(alpha=st.floats(0.05, 8.0), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=25)
def test_mixup_takes_two_rows_by_one_share_for_features_and_label(alpha, seed):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(50, 3)).astype(np.float32)
    labels = np.tile([0.0, 1.0], 25).astype(np.float32)  # neighbours differ, so the label tells the share
    mixed, soft = map(np.asarray, transform(alpha, seed)(features, labels))
    share = np.where(labels == 1, soft, 1 - soft)[:, None]
    assert ((soft >= 0) & (soft <= 1)).all()
    np.testing.assert_allclose(mixed, share * features + (1 - share) * np.roll(features, 1, 0), atol=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_of_mixup_are_of_the_beta_distribution(alpha):
    labels = np.tile([0.0, 1.0], 5000).astype(np.float32)
    _, soft = transform(alpha, 3)(np.zeros((10_000, 1), np.float32), labels)
    share = np.where(labels == 1, soft, 1 - np.asarray(soft))
    assert kstest(share, "beta", (alpha, alpha)).pvalue > 1e-4
