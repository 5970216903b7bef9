from typing import Any

from overfitting.config.types import Share
from overfitting.training.remedy import Remedy


class MovingAverage(Remedy[float], acts_on="optimizer", kind=Share, off=0.0):
    """Momentum of a moving average of the weights, which replaces the weights between epochs.

    Polyak and Juditsky, SIAM Journal on Control and Optimization 30, 1992.
    """

    def adam(self) -> dict[str, Any]:
        return {"use_ema": True, "ema_momentum": self.strength}
