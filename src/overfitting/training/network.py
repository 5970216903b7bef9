"""Variant -> keras.Model: dense hidden layers with their remedies, one logit out."""

from typing import Any

import numpy as np

from overfitting.config.schema import Precision, Variant
from overfitting.training import layers
from overfitting.training.backend import keras


def build(variant: Variant, n_features: int, seed: int) -> keras.Model:
    """Network of `variant` on `n_features` columns; its output (n_rows, 1) is a logit.

    Noise on the input, then hidden layers: Dense with a penalty of `l1 * |w| + l2 * w**2` on its kernel and a bound on
    the norm of each unit's weights; normalization before the activation; Dropout. Initial weights and random masks
    follow from `seed` alone.
    """
    streams = iter(np.random.SeedSequence(seed).generate_state(2 * len(variant.hidden_units) + 2).tolist())
    stack: list[keras.Layer] = [keras.Input((n_features,))]
    for units in variant.hidden_units:
        stack += _hidden_layer(variant, units, seed=next(streams))
        dropout_seed = next(streams)
        if variant.dropout:
            stack.append(keras.layers.Dropout(variant.dropout, seed=dropout_seed))
    stack.append(keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=next(streams))))
    if variant.noise:
        stack.insert(1, keras.layers.GaussianNoise(variant.noise, seed=next(streams)))
    return keras.Sequential(stack)


def _hidden_layer(variant: Variant, units: int, seed: int) -> list[keras.Layer]:
    dense = keras.layers.Dense(
        units,
        activation=None if variant.normalization else variant.activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
        kernel_regularizer=_penalty(variant),
        kernel_constraint=keras.constraints.MaxNorm(variant.max_norm) if variant.max_norm else None,
    )
    match variant.normalization:
        case "batch":
            return [dense, keras.layers.BatchNormalization(), keras.layers.Activation(variant.activation)]
        case "layer":
            return [dense, keras.layers.LayerNormalization(), keras.layers.Activation(variant.activation)]
    return [dense]


def faster(model: keras.Model, step: Any, precision: Precision) -> keras.Model:
    """`model` as it trains: on the same weights, with the layers of `layers` for Keras's where they pay.

    Dropout masks and noise follow from each layer's seed and `step`, a variable that counts the steps. Under
    `mixed_bfloat16` the hidden layers multiply in bfloat16, as Keras's policy of that name does, and not the last one.
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


def _penalty(variant: Variant) -> keras.regularizers.Regularizer | None:
    if variant.l1 and variant.l2:
        return keras.regularizers.L1L2(variant.l1, variant.l2)
    if variant.l1:
        return keras.regularizers.L1(variant.l1)
    return keras.regularizers.L2(variant.l2) if variant.l2 else None


def hidden_kernels(model: keras.Model) -> list[keras.Variable]:
    """Weights (n_in, n_out) of the hidden layers: what penalties, weight decay and bounds act on."""
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return [layer.kernel for layer in dense[:-1]]


def predict(model: keras.Model, features: np.ndarray, batch_size: int = 10_000) -> np.ndarray:
    """Logits (n_rows,) float32 of scaled features (n_rows, n_features), without dropout."""
    pieces = (features[start : start + batch_size] for start in range(0, len(features), batch_size))
    return np.concatenate([np.asarray(model(np.asarray(piece), training=False))[:, 0] for piece in pieces])
