"""Tables of the learning curve: test log loss by number of training rows, and what remedies are worth in rows."""

from overfitting.evaluation.formats import NONE
from overfitting.evaluation.learning_curve import LearningCurve, Worth, rows_in_words
from overfitting.report.tables import Cells


def losses(curve: LearningCurve) -> Cells:
    """Test log loss, early → late, of each variant by number of training rows."""
    header = ["variant", *(f"{size:,} rows" for size in curve.sizes)]
    rows = [
        [name, *(f"{point.early.mean:.3f}" + (f" → {point.late.mean:.3f}" if point.late else "") for point in points)]
        for name, points in curve.variants.items()
    ]
    return header, rows


def worths(curve: LearningCurve) -> Cells:
    """Rows with which `large`, stopped early, predicts as well as each remedy, by number of training rows."""
    header = ["variant", *(f"{size:,} rows are worth" for size in curve.sizes)]
    rows = [
        [name, *(_worth(curve, point.worth) for point in points)]
        for name, points in curve.variants.items()
        if points[0].worth
    ]
    return header, rows


def _worth(curve: LearningCurve, worth: Worth | None) -> str:
    if worth is None:
        return NONE
    equal, low, high = (rows_in_words(curve, value, "<", ">") for value in (worth.rows, worth.low, worth.high))
    return f"{equal} ({low} to {high})"
