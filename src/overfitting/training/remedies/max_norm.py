from typing import Any

from overfitting.config.types import Positive
from overfitting.training.remedy import Remedy


class MaxNorm(Remedy[float], acts_on="network", kind=Positive | None, off=None):
    """Largest norm of the weights into each hidden unit; longer ones are scaled back after each step.

    Srebro and Shraibman, COLT 2005.
    """

    def dense(self) -> dict[str, Any]:
        from overfitting.training.backend import keras

        return {"kernel_constraint": keras.constraints.MaxNorm(self.strength)}
