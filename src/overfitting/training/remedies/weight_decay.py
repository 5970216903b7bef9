from typing import Any

from overfitting.config.types import Factor
from overfitting.training.remedy import Remedy


class WeightDecay(Remedy[float], acts_on="optimizer", kind=Factor, off=0.0):
    """Decoupled decay of the hidden weights (AdamW): `learning_rate * weight_decay * w` per step.

    Loshchilov and Hutter, ICLR 2019.
    """

    def adam(self) -> dict[str, Any]:
        return {"weight_decay": self.strength}
