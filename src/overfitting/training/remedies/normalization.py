from typing import TYPE_CHECKING, Literal

from overfitting.training.remedy import Remedy

if TYPE_CHECKING:
    from overfitting.training.backend import keras

Kind = Literal["batch", "layer"]


class Normalization(Remedy[Kind], acts_on="network", kind=Kind | None, off=None):
    """Normalization before each activation: over the rows of a batch, or over the units of a layer.

    Ioffe and Szegedy, ICML 2015; Ba, Kiros and Hinton, arXiv:1607.06450, 2016.
    """

    def before_activation(self) -> "list[keras.Layer]":
        from overfitting.training.backend import keras

        if self.strength == "batch":
            return [keras.layers.BatchNormalization()]
        return [keras.layers.LayerNormalization()]
