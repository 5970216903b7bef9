"""The network of a variant as a Keras model."""

from collections import Counter
from typing import Any

import numpy as np

from overfitting.config.schema import Precision, Variant
from overfitting.training import layers
from overfitting.training.backend import keras
from overfitting.training.remedies import active
from overfitting.training.remedy import Remedy


def build(variant: Variant, n_features: int, seed: int) -> keras.Model:
    """Network of `variant` on `n_features` columns; its output (n_rows, 1) is a logit.

    Hidden layers are Dense with the variant's activation; remedies add penalties, bounds and layers. Initial weights
    and random masks follow from `seed` alone, and initial weights do not depend on the remedies.
    """
    remedies = active(variant)
    streams = iter(np.random.SeedSequence(seed).generate_state(2 * len(variant.hidden_units) + 2).tolist())
    hidden: list[keras.Layer] = []
    for units in variant.hidden_units:
        hidden += _hidden_layer(variant, remedies, units, seed=next(streams))
        mask_seed = next(streams)
        hidden += [layer for remedy in remedies for layer in remedy.after_hidden(mask_seed)]
    output = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=next(streams)))
    input_seed = next(streams)
    first = [layer for remedy in remedies for layer in remedy.input_layers(input_seed)]
    _name([*first, *hidden], output)
    return keras.Sequential([keras.Input((n_features,), name="features"), *first, *hidden, output], name="network")


def _name(layers: list[keras.Layer], output: keras.Layer) -> None:
    """Name layers by kind and place; Keras would count all layers that this process has built."""
    counts = Counter[str]()
    for layer in layers:
        kind = type(layer).__name__.lower()
        counts[kind] += 1
        layer.name = f"{kind}_{counts[kind]}"
    output.name = "output"


def _hidden_layer(variant: Variant, remedies: list[Remedy[object]], units: int, seed: int) -> list[keras.Layer]:
    between = [layer for remedy in remedies for layer in remedy.before_activation()]
    penalty: dict[str, float] = {}
    more: dict[str, Any] = {}
    for remedy in remedies:
        penalty |= remedy.penalty()
        more |= remedy.dense()
    dense = keras.layers.Dense(
        units,
        activation=None if between else variant.activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        kernel_regularizer=keras.regularizers.L1L2(**penalty) if penalty else None,
        **more,
    )
    return [dense, *between, keras.layers.Activation(variant.activation)] if between else [dense]


def faster(model: keras.Model, step: Any, precision: Precision) -> keras.Model:
    """`model` as it trains: the same weights, with the layers of `training/layers.py` in place of slower ones of Keras.

    Dropout masks and noise follow from each layer's seed and `step`, a variable that counts the steps. Under
    `mixed_bfloat16` the hidden layers multiply in bfloat16, as in Keras's policy of that name; the last one does not.
    """

    def replace(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, keras.layers.Dropout):
            return layers.Dropout(layer.rate, layer.seed, step)
        if isinstance(layer, keras.layers.GaussianNoise):
            return layers.GaussianNoise(layer.stddev, layer.seed, step)
        if isinstance(layer, keras.layers.Dense) and precision == "mixed_bfloat16" and layer is not model.layers[-1]:
            return layers.BfloatDense(layer)
        return layer

    return keras.Sequential([keras.Input(model.input_shape[1:]), *map(replace, model.layers)])


def hidden_kernels(model: keras.Model) -> list[keras.Variable]:
    """Weights (n_in, n_out) of the hidden layers, on which penalties, weight decay and bounds act."""
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return [layer.kernel for layer in dense[:-1]]


def predict(model: keras.Model, features: np.ndarray, batch_size: int = 10_000) -> np.ndarray:
    """Logits (n_rows,) float32 of scaled features (n_rows, n_features), without dropout."""
    pieces = (features[start : start + batch_size] for start in range(0, len(features), batch_size))
    return np.concatenate([np.asarray(model(np.asarray(piece), training=False))[:, 0] for piece in pieces])
