"""Sizes of the hidden weights of a network."""

import numpy as np

from overfitting.training.backend import keras
from overfitting.training.network import hidden_kernels
from overfitting.training.summary import Weights

NEAR_ZERO = 1e-3  # |w| below this counts as near zero
BINS = np.linspace(-8, 1, 37)  # of log10|w|; smaller weights count in the first bin


def measure(model: keras.Model) -> Weights:
    """Norm, shares near zero and at zero, and histogram of the hidden kernels."""
    sizes = np.abs(np.concatenate([np.asarray(kernel).ravel() for kernel in hidden_kernels(model)]))
    with np.errstate(divide="ignore"):
        exponents = np.clip(np.log10(sizes), BINS[0], BINS[-1])
    counts, _ = np.histogram(exponents, BINS)
    return Weights(
        weight_norm=float(
            np.sqrt(np.square(sizes, dtype=np.float64).sum())
        ),  # without BLAS, whose threads round differently
        near_zero_share=float((sizes < NEAR_ZERO).mean()),
        zero_share=float((sizes == 0).mean()),
        weight_bins=tuple(BINS.tolist()),
        weight_histogram=tuple((counts / sizes.size).round(6).tolist()),
    )
