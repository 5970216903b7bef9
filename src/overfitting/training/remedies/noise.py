from typing import TYPE_CHECKING

from overfitting.config.types import Factor
from overfitting.training.remedy import Remedy

if TYPE_CHECKING:
    from overfitting.training.backend import keras


class Noise(Remedy[float], acts_on="network", kind=Factor, off=0.0):
    """Standard deviation of Gaussian noise on the scaled inputs while training (Bishop 1995)."""

    def input_layers(self, seed: int) -> "list[keras.Layer]":
        from overfitting.training.backend import keras

        return [keras.layers.GaussianNoise(self.strength, seed=seed)]
