from overfitting.config.types import Name
from overfitting.training.remedy import Remedy


class EnsembleOf(Remedy[str], acts_on="ensemble", kind=Name | None, off=None):
    """Name of the variant whose repeats are averaged, by their logits; nothing is trained.

    `evaluate` averages (`overfitting.evaluation.runs`).
    """
