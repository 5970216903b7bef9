"""Networks: sizes and initial weights."""

import keras
import numpy as np
import pytest

from overfitting.config.schema import Variant
from overfitting.training.network import build, hidden_kernels, predict
from tests.builders.training import TINY, rows

SMALL = (8, 8, 8)


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


def test_without_a_remedy_there_is_no_penalty_and_no_dropout():
    model = build(Variant(hidden_units=SMALL), 5, seed=0)
    assert model.losses == []
    assert not [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]


def test_the_seed_decides_the_initial_weights():
    first, again, other = (build(Variant(hidden_units=SMALL), 5, seed=seed).get_weights() for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not (first[0] == other[0]).all()


def test_layers_do_not_share_their_initial_weights():
    kernels = hidden_kernels(build(Variant(hidden_units=(8, 8, 8, 8)), 8, seed=0))
    assert not np.array_equal(kernels[0], kernels[1])


@pytest.mark.parametrize(
    "remedy", [{"noise": 0.1}, {"normalization": "batch"}, {"max_norm": 1.0}, {"weight_decay": 0.1}]
)
def test_every_remedy_starts_from_the_same_weights(remedy):
    plain = hidden_kernels(build(Variant(hidden_units=SMALL), 5, seed=4))
    remedied = hidden_kernels(build(Variant(hidden_units=SMALL, **remedy), 5, seed=4))
    assert all(np.array_equal(a, b) for a, b in zip(plain, remedied, strict=True))


def test_prediction_in_pieces_is_prediction_at_once():
    model, data = build(TINY, 5, seed=0), rows(105)
    np.testing.assert_allclose(predict(model, data.features, 10), predict(model, data.features), rtol=1e-5)
