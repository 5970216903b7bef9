from overfitting.config.types import Factor
from overfitting.training.remedy import Remedy


class L1(Remedy[float], acts_on="loss", kind=Factor, off=0.0):
    """Factor of the penalty `l1 * |w|` in the loss for every hidden weight w, which drives weights towards 0."""

    def penalty(self) -> dict[str, float]:
        return {"l1": self.strength}
