"""Calibration: reliability diagrams."""

import numpy as np
from matplotlib.axes import Axes

from overfitting.evaluation.results import Calibration, Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import BLUE, SOFT, VERMILION, Picture

FEW = 0.002  # share of the test rows below which a bin is mostly noise and not shown


@drawing.styled
def calibration(metrics: Metrics) -> Picture:
    """Share of signal by predicted probability, one panel per variant."""
    names, labels = metrics.verdict.ranking, ("predicted probability", "share of signal")
    errors = {name: metrics.variants[name].early.metrics["test_calibration_error"].mean for name in names}

    def draw(axes: Axes, name: str) -> None:
        predicted, observed, rows = _points(metrics.variants[name].calibration)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.7, linestyle=(0, (4, 3)))
        axes.fill_between(predicted, observed, predicted, color=VERMILION, alpha=0.35, linewidth=0)
        axes.plot(predicted, observed, color=BLUE, linewidth=1.2)
        axes.scatter(predicted, observed, 150 * rows / rows.sum(), color=BLUE, linewidths=0, zorder=3)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
        drawing.title(axes, name, f"error {errors[name]:.4f}")

    figure = drawing.grid(names, draw, labels)
    panels = [drawing.single(name, draw, f"{name}: expected calibration error {errors[name]:.4f}.") for name in names]
    least, most = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    reach = f", from {errors[least]:.4f} ({least}) to {errors[most]:.4f} ({most})" if least != most else ""
    caption = (
        "On the dashed diagonal, of the rows given a 70 % probability, 70 % are signal. A curve flatter than the "
        "diagonal is overconfident, as overfitted networks are. Each panel states the expected calibration "
        f"error{reach}. The area of a point is proportional to the rows in its bin; bins with fewer than {FEW:.1%} of "
        "the rows are left out."
    )
    key = {"share of signal": BLUE, "distance from the diagonal": VERMILION}
    alternative = f"Expected calibration error: {drawing.listing(errors)}."
    return Picture("calibration", "Calibration", figure, caption, alternative, panels, key, labels)


def _points(found: Calibration) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted probability, share of signal and number of rows of each bin that has enough rows."""
    predicted, observed, rows = (
        np.asarray(values, np.float64) for values in (found.predicted, found.observed, found.rows)
    )
    enough = (rows > 0) & (rows >= FEW * rows.sum())
    return predicted[enough], observed[enough], rows[enough]
