"""Calibration: how far the share of signal lies from the predicted probability."""

import numpy as np

from overfitting.evaluation.colours import colours
from overfitting.evaluation.language import joined, say
from overfitting.evaluation.results import Calibration, Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import DASHED, SOFT, Picture

FEW = 0.002  # share of the test rows below which a bin is mostly noise and not shown


@drawing.styled
def calibration(metrics: Metrics) -> Picture:
    """Share of signal minus predicted probability, by predicted probability; one line per variant."""
    names = metrics.verdict.ranking
    errors = {name: metrics.variants[name].early.metrics["test_calibration_error"].mean for name in names}
    figure, (axes,) = drawing.row(3.4 + 0.16 * -(-len(names) // 3))
    axes.axhline(0, color=SOFT, linewidth=0.8, linestyle=DASHED)
    for name, colour in colours(names).items():
        predicted, excess = points(metrics.variants[name].calibration)
        axes.plot(predicted, excess, "o-", color=colour, linewidth=1.2, markersize=2.5, label=name)
    axes.set(xlim=(0, 1), xlabel="predicted probability", ylabel="share of signal − probability")
    drawing.legend(figure, axes)

    def texts() -> tuple[str, str]:
        least, most = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
        caption = joined(
            say(
                "On the dashed line, of the rows given a 70 % probability, 70 % are signal. A line that falls from "
                "left to right is overconfident, as overfitted networks are. Bins with fewer than {few:.1%} of the "
                "rows are left out.",
                few=FEW,
            ),
            say(
                "The expected calibration error reaches from {low:.4f} ({least}) to {high:.4f} ({most}).",
                low=errors[least], least=least, high=errors[most], most=most,
            ) if least != most else "",
        )  # fmt: skip
        return caption, say("Expected calibration error: {errors}.", errors=drawing.listing(errors))

    return Picture("calibration", "Calibration", figure, texts)


def points(found: Calibration) -> tuple[np.ndarray, np.ndarray]:
    """Predicted probability, and share of signal minus it, of each bin that has enough rows."""
    predicted, observed, rows = np.array([found.predicted, found.observed, found.rows], np.float64)
    enough = (rows > 0) & (rows >= FEW * rows.sum())
    return predicted[enough], (observed - predicted)[enough]
