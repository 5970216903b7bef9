"""The layers that stand in for Keras's: what they compute, and how their masks are distributed."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2, kstest

from overfitting.config.schema import Variant
from overfitting.training.backend import tf
from overfitting.training.layers import Dropout, GaussianNoise
from overfitting.training.network import build, faster


def counter(value=0):
    return keras.Variable(value, dtype="int64", trainable=False)


def dropped(rate, shape=(500, 512), seed=1, step=0):
    return np.asarray(Dropout(rate, seed, counter(step))(np.ones(shape, np.float32), training=True)) == 0


@given(rate=st.floats(0.0, 1.0, exclude_max=True), values=st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=9))
@settings(max_examples=50)
def test_each_value_is_dropped_or_divided_by_the_share_that_is_kept(rate, values):
    layer = Dropout(rate, 0, counter())
    inputs = np.array([values], np.float32)
    output = np.asarray(layer(inputs, training=True))
    assert ((output == 0) | np.isclose(output, inputs / (1 - layer.rate), rtol=1e-6)).all()
    np.testing.assert_array_equal(np.asarray(layer(inputs, training=False)), inputs)


@given(rate=st.floats(0.0, 1.0, exclude_max=True))
def test_the_rate_is_rounded_to_its_resolution(rate):
    kept_at_least = 1 - 2**-16
    assert abs(Dropout(rate, 0, counter()).rate - min(rate, kept_at_least)) <= 2**-17


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5, 1 / 256, 255 / 256])
def test_multiples_of_a_256th_are_exact(rate):
    assert Dropout(rate, 0, counter()).rate == rate


@pytest.mark.parametrize("rate", [0.2, 0.3, 0.4, 0.5, 0.01, 0.99])
def test_masks_have_the_rate_and_the_output_the_mean_of_the_input(rate):
    mask = np.stack([dropped(rate, seed=seed) for seed in range(4)])
    assert binomtest(int(mask.sum()), mask.size, rate).pvalue > 1e-4
    layer = Dropout(rate, 0, counter())
    error = np.sqrt(rate / (1 - rate) / 256_000)
    assert np.asarray(layer(np.ones((500, 512), np.float32), training=True)).mean() == pytest.approx(1, abs=5 * error)


@pytest.mark.parametrize("rate", [0.5, 0.3])
def test_elements_rows_and_columns_are_dropped_independently(rate):
    mask = dropped(rate).astype(float)
    for counts, size in ((mask.sum(0), 500), (mask.sum(1), 512)):
        statistic = ((counts - size * rate) ** 2).sum() / (size * rate * (1 - rate))
        assert 1e-4 < chi2.cdf(statistic, counts.size) < 1 - 1e-4
    neighbours = np.corrcoef(mask[:, :-1].ravel(), mask[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(mask.size)


def test_masks_follow_from_seed_and_step_alone():
    first = dropped(0.5, seed=3, step=7)
    np.testing.assert_array_equal(first, dropped(0.5, seed=3, step=7))
    for other in (dropped(0.5, seed=4, step=7), dropped(0.5, seed=3, step=8)):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(first.size)


def test_noise_is_normal_while_training_and_follows_from_seed_and_step():
    zeros = np.zeros((200, 100), np.float32)

    def noise(seed=0, step=0):
        return np.asarray(GaussianNoise(0.3, seed, counter(step))(zeros, training=True))

    assert kstest(noise().ravel(), "norm", (0, 0.3)).pvalue > 1e-4
    np.testing.assert_array_equal(noise(), noise())
    for other in (noise(seed=1), noise(step=1)):
        assert abs(np.corrcoef(noise().ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(zeros.size)
    np.testing.assert_array_equal(np.asarray(GaussianNoise(0.3, 0, counter())(zeros, training=False)), zeros)


def test_the_gradient_passes_where_the_value_does():
    layer, inputs = Dropout(0.5, 0, counter()), tf.ones((3, 5))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = layer(inputs, training=True)
        total = tf.reduce_sum(output)
    np.testing.assert_array_equal(tape.gradient(total, inputs), output)


def test_the_layers_of_one_model_have_masks_of_their_own():
    step = counter()
    model = build(Variant(hidden_units=(64, 64), dropout=0.5), 5, seed=0)
    masks = [layer for layer in faster(model, step, "float32").layers if isinstance(layer, Dropout)]
    first, second = (np.asarray(layer(np.ones((50, 64), np.float32), training=True)) for layer in masks)
    assert 0.3 < (first == second).mean() < 0.7


def test_what_stands_in_computes_on_the_models_own_weights():
    model = build(Variant(hidden_units=(8, 8), dropout=0.3, l2=0.01), 5, seed=0)
    features = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    fast = faster(model, counter(), "float32")
    assert fast.layers[0] is model.layers[0]
    np.testing.assert_array_equal(fast(features, training=False), model(features, training=False))
    low = faster(model, counter(), "mixed_bfloat16")
    np.testing.assert_allclose(low(features, training=False), model(features, training=False), atol=0.02)
    assert not np.array_equal(low(features, training=False), model(features, training=False))
    model.set_weights([weight * 2 for weight in model.get_weights()])
    np.testing.assert_allclose(low(features, training=False), model(features, training=False), atol=0.2)


def test_bfloat16_passes_gradients_to_float32_weights():
    model = build(Variant(hidden_units=(8, 8)), 5, seed=0)
    features = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)

    def gradients(network):
        with tf.GradientTape() as tape:
            total = tf.reduce_mean(tf.square(network(features, training=True)))
        return tape.gradient(total, model.trainable_variables)

    exact = gradients(model)
    largest = max(float(tf.reduce_max(tf.abs(full))) for full in exact)
    for low, full in zip(gradients(faster(model, counter(), "mixed_bfloat16")), exact, strict=True):
        assert low.dtype == tf.float32
        np.testing.assert_allclose(low, full, atol=0.05 * largest)
