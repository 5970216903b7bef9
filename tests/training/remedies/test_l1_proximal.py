"""L1 by proximal steps."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from overfitting.config.schema import Variant
from overfitting.training.remedies.l1_proximal import soft_threshold
from tests.builders.training import TINY, weights_after

NUMBERS = st.floats(-4, 4, width=32)


def expected(weights, threshold):
    return np.sign(weights) * np.maximum(np.abs(weights) - threshold, 0)


@given(weights=st.lists(NUMBERS, min_size=1, max_size=9), threshold=st.floats(0, 4, width=32))
def test_the_soft_threshold_is_the_closed_form(weights, threshold):
    weights, threshold = np.array(weights, np.float32), np.float32(threshold)
    found = np.asarray(soft_threshold(weights, threshold))
    np.testing.assert_allclose(found, expected(weights, threshold), atol=1e-6)
    assert (found[np.abs(weights) <= threshold] == 0).all()


@given(weight=NUMBERS, threshold=st.floats(0.015625, 4, width=32))
def test_it_minimizes_the_penalty_plus_half_the_squared_distance(weight, threshold):
    def objective(x):
        return threshold * abs(x) + (x - weight) ** 2 / 2

    [found] = np.asarray(soft_threshold(np.array([weight], np.float32), np.float32(threshold)))
    best = minimize_scalar(objective, bounds=(-5, 5), method="bounded", options={"xatol": 1e-9})
    assert objective(float(found)) <= best.fun + 1e-6
    assert found == pytest.approx(best.x, abs=1e-3)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_step_thresholds_hidden_kernels_by_rate_times_strength_and_nothing_else(jit_compile):
    _, plain = weights_after(TINY, 1, jit_compile=jit_compile)
    _, sparse = weights_after(Variant(hidden_units=(8, 8), l1_proximal=5.0), 1, jit_compile=jit_compile)
    for index, (without, found) in enumerate(zip(plain, sparse, strict=True)):
        if index in (0, 2):  # kernels of the two hidden layers; biases and the output layer are free
            np.testing.assert_allclose(found, expected(without, 0.01 * 5.0), atol=1e-6)
            assert (found == 0).any()
        else:
            np.testing.assert_allclose(found, without, atol=1e-6)


def test_the_threshold_follows_the_learning_rate_of_the_step_that_was_taken():
    rates = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.0, 0.01])  # 0 in the first step
    start, first, second = weights_after(Variant(hidden_units=(8, 8), l1_proximal=100.0), 2, rates)
    for index in (0, 2):
        np.testing.assert_array_equal(first[index], start[index])
        np.testing.assert_array_equal(second[index], 0)


def test_a_strength_of_0_is_off():
    assert Variant(l1_proximal=0.0) == Variant()
