"""All figures of the report, in the order of the page."""

import pandas as pd

from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import Metrics
from overfitting.report.figures.calibration import calibration
from overfitting.report.figures.capacity import capacity
from overfitting.report.figures.curves import learning_curves
from overfitting.report.figures.drawing import Picture
from overfitting.report.figures.forest import forest
from overfitting.report.figures.sizes import sizes
from overfitting.report.figures.strengths import strengths
from overfitting.report.figures.weights import weights


def pictures(
    metrics: Metrics, curves: pd.DataFrame, tuning: pd.DataFrame | None = None, curve: LearningCurve | None = None
) -> list[Picture]:
    """The figures that these results allow; `tuning` is results/tuning.csv, if there is one."""
    return [
        picture
        for picture in (
            forest(metrics),
            sizes(curve),
            learning_curves(metrics, curves),
            capacity(metrics),
            strengths(metrics, tuning),
            weights(metrics),
            calibration(metrics),
        )
        if picture
    ]
