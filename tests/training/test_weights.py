"""Sizes of hidden weights."""

import numpy as np
import pytest

from overfitting.config.schema import Variant
from overfitting.training.network import hidden_kernels
from tests.builders.training import budget, rows, trained


def test_the_summary_tells_the_sizes_of_the_hidden_weights():
    found = trained(Variant(hidden_units=(16, 16), l1=0.1, keep="last"), budget(epochs=20), rows(), rows(100), 0)
    weights = np.abs(np.concatenate([np.asarray(kernel).ravel() for kernel in hidden_kernels(found.model)]))
    outcome = found.outcome
    assert outcome.near_zero_share == pytest.approx((weights < 1e-3).mean())
    assert outcome.near_zero_share > outcome.near_zero_share_initial
    assert outcome.zero_share == pytest.approx((weights == 0).mean())
    assert outcome.weight_norm == pytest.approx(np.linalg.norm(weights), rel=1e-5)
    assert sum(outcome.weight_histogram) == pytest.approx(1.0, abs=1e-4)
    below = np.array(outcome.weight_bins)[1:] <= -3 + 1e-9
    assert np.array(outcome.weight_histogram)[below].sum() == pytest.approx((weights < 1e-3).mean(), abs=1e-4)
