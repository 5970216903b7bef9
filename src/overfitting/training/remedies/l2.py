from overfitting.config.types import Factor
from overfitting.training.remedy import Remedy


class L2(Remedy[float], acts_on="loss", kind=Factor, off=0.0):
    """Factor of the penalty `l2 * w**2` in the loss for every hidden weight w, which shrinks weights."""

    def penalty(self) -> dict[str, float]:
        return {"l2": self.strength}
