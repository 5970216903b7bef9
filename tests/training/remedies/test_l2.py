"""The L2 penalty, alone and with L1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.config.schema import Variant
from overfitting.training.network import build, hidden_kernels

SMALL = (8, 8, 8)


def total(function, model):
    return sum(float(function(np.asarray(kernel, np.float64)).sum()) for kernel in hidden_kernels(model))


def test_l2_adds_exactly_the_factor_times_the_sum_of_squares_of_hidden_kernels():
    model = build(Variant(hidden_units=SMALL, l2=0.001), 5, seed=1)
    assert float(sum(model.losses)) == pytest.approx(0.001 * total(np.square, model), rel=1e-5)
    assert model.layers[-1].kernel_regularizer is None
    assert all(layer.bias_regularizer is None for layer in model.layers)


@given(st.floats(1e-6, 1.0), st.floats(1e-6, 1.0))
@settings(max_examples=10)
def test_l1_and_l2_add_up(l1, l2):
    model = build(Variant(hidden_units=(4,), l1=l1, l2=l2), 3, seed=2)
    expected = l1 * total(np.abs, model) + l2 * total(np.square, model)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)
