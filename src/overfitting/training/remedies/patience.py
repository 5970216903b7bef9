from overfitting.config.types import Count
from overfitting.training.remedy import Remedy


class Patience(Remedy[int], acts_on="weights kept", kind=Count | None, off=None):
    """Epochs without a better validation log loss after which training ends (early stopping)."""

    def patience(self) -> int:
        return self.strength
