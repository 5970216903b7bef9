"""What the networks and remedies are, mathematically."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.config.schema import Variant
from overfitting.training.network import build, hidden_kernels

SMALL = (8, 8, 8)


def total(function, model):
    return sum(float(function(np.asarray(kernel, np.float64)).sum()) for kernel in hidden_kernels(model))


@pytest.mark.parametrize(
    ("units", "parameters"),
    [((16,), 481), ((16, 16), 753), ((64, 64, 64), 10_241), ((512,) * 4, 803_329)],
)
def test_sizes_of_the_tutorial(units, parameters):
    model = build(Variant(hidden_units=units), 28, seed=0)
    assert model.count_params() == parameters
    assert model.output_shape == (None, 1)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.activation.__name__ for layer in dense] == ["elu"] * len(units) + ["linear"]


def test_the_schemas_default_is_large():
    assert build(Variant(), 28, seed=0).count_params() == 803_329


def test_l2_adds_exactly_the_factor_times_the_sum_of_squares_of_hidden_kernels():
    model = build(Variant(hidden_units=SMALL, l2=0.001), 5, seed=1)
    assert float(sum(model.losses)) == pytest.approx(0.001 * total(np.square, model), rel=1e-5)
    assert model.layers[-1].kernel_regularizer is None
    assert all(layer.bias_regularizer is None for layer in model.layers)


def test_l1_adds_exactly_the_factor_times_the_sum_of_absolute_values_of_hidden_kernels():
    model = build(Variant(hidden_units=SMALL, l1=0.01), 5, seed=1)
    assert float(sum(model.losses)) == pytest.approx(0.01 * total(np.abs, model), rel=1e-5)


@given(st.floats(1e-6, 1.0), st.floats(1e-6, 1.0))
@settings(max_examples=10, deadline=None)
def test_l1_and_l2_add_up(l1, l2):
    model = build(Variant(hidden_units=(4,), l1=l1, l2=l2), 3, seed=2)
    expected = l1 * total(np.abs, model) + l2 * total(np.square, model)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)


def test_without_a_remedy_there_is_no_penalty_and_no_dropout():
    model = build(Variant(hidden_units=SMALL), 5, seed=0)
    assert model.losses == []
    assert not [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]


def test_dropout_stands_after_each_hidden_layer_and_not_after_the_last():
    kinds = [type(layer).__name__ for layer in build(Variant(hidden_units=SMALL, dropout=0.3), 5, seed=0).layers]
    assert kinds == ["Dense", "Dropout"] * 3 + ["Dense"]


def dropout_layer(rate):
    model = build(Variant(hidden_units=(4,), dropout=rate), 5, seed=3)
    return next(layer for layer in model.layers if isinstance(layer, keras.layers.Dropout))


def test_dropout_zeroes_or_rescales_the_notes_example():
    # the note's layer output at a rate of 40 %: each value is dropped, or divided by 0.6
    values = np.array([[0.2, 0.3, 0.5, 0.7, 0.9]], np.float32)
    layer = dropout_layer(0.4)
    for _ in range(20):
        output = np.asarray(layer(values, training=True))
        dropped = output == 0
        assert (dropped | np.isclose(output, values / 0.6)).all()


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.5])
def test_dropout_zeroes_its_rate_keeps_the_mean_and_rests_at_inference(rate):
    ones = np.ones((400, 500), np.float32)
    layer = dropout_layer(rate)
    output = np.asarray(layer(ones, training=True))
    error = np.sqrt(rate * (1 - rate) / ones.size)
    assert abs((output == 0).mean() - rate) < 5 * error
    assert output.mean() == pytest.approx(1.0, abs=5 * error / (1 - rate))
    np.testing.assert_array_equal(np.asarray(layer(ones, training=False)), ones)


def test_the_seed_decides_the_initial_weights():
    first, again, other = (build(Variant(hidden_units=SMALL), 5, seed=seed).get_weights() for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not (first[0] == other[0]).all()


def test_layers_do_not_share_their_initial_weights():
    kernels = hidden_kernels(build(Variant(hidden_units=(8, 8, 8, 8)), 8, seed=0))
    assert not np.array_equal(kernels[0], kernels[1])


def test_paired_seeds_start_with_and_without_dropout_from_the_same_weights():
    plain = hidden_kernels(build(Variant(hidden_units=SMALL), 5, seed=4))
    dropped = hidden_kernels(build(Variant(hidden_units=SMALL, dropout=0.5), 5, seed=4))
    assert all(np.array_equal(a, b) for a, b in zip(plain, dropped, strict=True))


@pytest.mark.parametrize(
    "remedy", [{"noise": 0.1}, {"normalization": "batch"}, {"max_norm": 1.0}, {"weight_decay": 0.1}]
)
def test_every_remedy_starts_from_the_same_weights(remedy):
    plain = hidden_kernels(build(Variant(hidden_units=SMALL), 5, seed=4))
    remedied = hidden_kernels(build(Variant(hidden_units=SMALL, **remedy), 5, seed=4))
    assert all(np.array_equal(a, b) for a, b in zip(plain, remedied, strict=True))


@pytest.mark.parametrize(("kind", "layer"), [("batch", "BatchNormalization"), ("layer", "LayerNormalization")])
def test_normalization_stands_before_each_activation(kind, layer):
    model = build(Variant(hidden_units=SMALL, normalization=kind, dropout=0.2), 5, seed=0)
    assert [type(found).__name__ for found in model.layers] == ["Dense", layer, "Activation", "Dropout"] * 3 + ["Dense"]
    assert all(dense.activation.__name__ == "linear" for dense in model.layers if isinstance(dense, keras.layers.Dense))


def test_layer_normalization_gives_each_row_mean_0_and_deviation_1():
    model = build(Variant(hidden_units=(64,), normalization="layer"), 5, seed=0)
    features = np.random.default_rng(0).normal(3, 2, (20, 5)).astype(np.float32)
    normalized = np.asarray(model.layers[1](model.layers[0](features)))
    np.testing.assert_allclose(normalized.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(normalized.std(1), 1, atol=0.01)


def test_noise_is_added_to_the_input_alone_and_only_while_training():
    model = build(Variant(hidden_units=SMALL, noise=0.3), 5, seed=0)
    assert [type(layer).__name__ for layer in model.layers] == ["GaussianNoise", *["Dense"] * 4]
    assert model.layers[0].stddev == 0.3
    features = np.ones((4, 5), np.float32)
    plain = build(Variant(hidden_units=SMALL), 5, seed=0)
    np.testing.assert_array_equal(model(features, training=False), plain(features, training=False))
