from overfitting.config.types import Rows
from overfitting.data.manifest import Manifest
from overfitting.training.remedy import Remedy


class ExtraRows(Remedy[int], acts_on="rows", kind=Rows, off=0):
    """Number of spare rows, at most, to train on besides the training rows, in as many steps."""

    def lacks(self, manifest: Manifest) -> str:
        if manifest.spare_rows:
            return ""
        return (
            f"variant.extra_rows is {self.strength:,}, but the split leaves no spare rows; raise split.spare and "
            "take a source with more rows or a smaller split.test"
        )

    def more_rows(self, manifest: Manifest) -> int:
        return min(self.strength, manifest.spare_rows)
