"""The L1 penalty."""

import numpy as np
import pytest

from overfitting.config.schema import Variant
from overfitting.training.network import build, hidden_kernels

SMALL = (8, 8, 8)


def test_l1_adds_exactly_the_factor_times_the_sum_of_absolute_values_of_hidden_kernels():
    model = build(Variant(hidden_units=SMALL, l1=0.01), 5, seed=1)
    total = sum(float(np.abs(np.asarray(kernel, np.float64)).sum()) for kernel in hidden_kernels(model))
    assert float(sum(model.losses)) == pytest.approx(0.01 * total, rel=1e-5)
