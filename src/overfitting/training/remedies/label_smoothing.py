from typing import TYPE_CHECKING

from overfitting.config.types import Share
from overfitting.training.remedy import Remedy

if TYPE_CHECKING:
    from overfitting.training.backend import tf


class LabelSmoothing(Remedy[float], acts_on="loss", kind=Share, off=0.0):
    """Share s of the smoothing: the network learns s / 2 and 1 - s / 2 in place of 0 and 1.

    Szegedy and others, CVPR 2016.
    """

    def targets(self, labels: "tf.Tensor") -> "tf.Tensor":
        return labels * (1.0 - self.strength) + 0.5 * self.strength
