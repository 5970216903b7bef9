from typing import TYPE_CHECKING

from overfitting.config.types import Share
from overfitting.training.remedy import Remedy

if TYPE_CHECKING:
    from overfitting.training.backend import keras


class Dropout(Remedy[float], acts_on="network", kind=Share, off=0.0):
    """Share of the units that are dropped after each hidden layer in each training step.

    Srivastava and others, Journal of Machine Learning Research 15, 2014.
    """

    def after_hidden(self, seed: int) -> "list[keras.Layer]":
        from overfitting.training.backend import keras

        return [keras.layers.Dropout(self.strength, seed=seed)]
