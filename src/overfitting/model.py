"""Variant -> keras.Model: dense hidden layers with their remedies, one logit out."""

import numpy as np

from overfitting.backend import keras
from overfitting.config import Variant


def build(variant: Variant, n_features: int, seed: int) -> keras.Model:
    """Network of `variant` on `n_features` columns; its output (n_rows, 1) is a logit.

    Each hidden layer is Dense + activation, penalised by `l1 * |w| + l2 * w**2` on its kernel, then Dropout. Initial
    weights and dropout masks follow from `seed` alone.
    """
    streams = iter(np.random.SeedSequence(seed).generate_state(2 * len(variant.hidden_units) + 1).tolist())
    layers: list[keras.Layer] = [keras.Input((n_features,))]
    for units in variant.hidden_units:
        layers.append(
            keras.layers.Dense(
                units,
                activation=variant.activation,
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(streams)),
                kernel_regularizer=_penalty(variant),
            )
        )
        dropout_seed = next(streams)
        if variant.dropout:
            layers.append(keras.layers.Dropout(variant.dropout, seed=dropout_seed))
    layers.append(keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=next(streams))))
    return keras.Sequential(layers)


def _penalty(variant: Variant) -> keras.regularizers.Regularizer | None:
    if variant.l1 and variant.l2:
        return keras.regularizers.L1L2(variant.l1, variant.l2)
    if variant.l1:
        return keras.regularizers.L1(variant.l1)
    return keras.regularizers.L2(variant.l2) if variant.l2 else None


def hidden_kernels(model: keras.Model) -> list[np.ndarray]:
    """Weights (n_in, n_out) of the hidden layers: what the penalties act on."""
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    return [np.asarray(layer.kernel) for layer in dense[:-1]]


def predict(model: keras.Model, features: np.ndarray, batch_size: int = 10_000) -> np.ndarray:
    """Logits (n_rows,) float32 of scaled features (n_rows, n_features), without dropout."""
    pieces = (features[start : start + batch_size] for start in range(0, len(features), batch_size))
    return np.concatenate([np.asarray(model(np.asarray(piece), training=False))[:, 0] for piece in pieces])
