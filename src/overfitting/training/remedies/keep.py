from typing import Literal

from overfitting.training.remedy import Remedy

Epoch = Literal["best", "last"]


class Keep(Remedy[Epoch], acts_on="weights kept", kind=Epoch, off="best"):
    """The epoch whose weights are kept: the one with the best validation log loss, or the last."""

    def keeps_last_epoch(self) -> bool:
        return self.strength == "last"
