from typing import TYPE_CHECKING

from overfitting.config.types import Factor
from overfitting.training.remedy import Remedy

if TYPE_CHECKING:
    from overfitting.training.backend import keras, tf


class L1Proximal(Remedy[float], acts_on="optimizer", kind=Factor, off=0.0):
    """Factor of L1 as a proximal step: each step moves hidden weights by `learning_rate * l1_proximal` to exactly 0.

    Soft threshold: Parikh and Boyd, Proximal Algorithms, section 6.5.2, 2014.
    """

    def after_step(self, kernels: "list[keras.Variable]", learning_rate: "tf.Tensor") -> None:
        for kernel in kernels:
            kernel.assign(soft_threshold(kernel.value, learning_rate * self.strength))


def soft_threshold(weights: "tf.Tensor", threshold: "tf.Tensor") -> "tf.Tensor":
    """`sign(w) * max(|w| - threshold, 0)`, the proximal operator of `threshold * |w|`."""
    from overfitting.training.backend import tf

    return weights - tf.clip_by_value(weights, -threshold, threshold)
