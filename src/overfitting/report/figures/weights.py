"""Weights: histograms of the size of the hidden weights."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from overfitting.evaluation.colours import BLUE, GREY, VERMILION
from overfitting.evaluation.language import joined, say
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import DASHED, SOFT, Picture

SMALL = -3.0  # log10 of 0.001, below which a weight counts as nearly zero


@drawing.styled
def weights(metrics: Metrics) -> Picture | None:
    """Share of the hidden weights by log10 of their size, one panel per variant; None if only ensembles ran."""
    trained = metrics.trained
    if not trained:
        return None
    shares = {name: training.early.weight_histogram for name, training in trained.items()}
    small = {name: f"{training.early.near_zero_share.mean:.1%}" for name, training in trained.items()}
    highest = {name: max(share) for name, share in shares.items()}
    edges, top = np.asarray(metrics.weight_bins), 1.5 * float(np.median(list(highest.values())))
    figure, panels = drawing.grid(len(shares), ("size of a weight", "share of the weights"))
    for axes, name in zip(panels, shares, strict=True):
        _histogram(axes, edges, shares[name], top)
        if name != REFERENCE in shares:
            axes.stairs(shares[REFERENCE], edges, color=GREY, linewidth=0.9)
        drawing.title(axes, name, small[name])
    high = ", ".join(f"{name} ({share:.0%})" for name, share in highest.items() if share > top)

    def texts() -> tuple[str, str]:
        caption = joined(
            say(
                "Weights far to the left have almost no effect. The dashed line is at 0.001, and each panel states the "
                "share below it. The first bar, in orange, holds all weights that are zero or nearly zero."
            ),
            say("Bars beyond the top, with their height: {names}.", names=high) if high else "",
            say("The grey outline is large.") if REFERENCE in trained else "",
        )
        listed = ", ".join(map(" ".join, small.items()))
        return caption, say("Share of hidden weights below 0.001: {shares}.", shares=listed)

    return Picture("weights", "Weights", figure, texts)


def _histogram(axes: Axes, edges: np.ndarray, shares: Sequence[float], top: float) -> None:
    colours = [VERMILION, *[BLUE] * (len(shares) - 1)]
    axes.bar(edges[:-1], np.minimum(shares, 1.1 * top), np.diff(edges), align="edge", color=colours)
    axes.axvline(SMALL, color=SOFT, linewidth=0.8, linestyle=DASHED)
    for index in np.flatnonzero(np.asarray(shares) > top).tolist():
        x, side = (edges[index + 1] + 0.15, "left") if index < len(shares) / 2 else (edges[index], "right")
        axes.text(x, 0.97 * top, f"{shares[index]:.0%}", ha=side, va="top", fontsize=7.5)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, top))
    ticks = [tick for tick in range(-12, 4, 3) if edges[0] <= tick <= edges[-1]]
    axes.set_xticks(ticks, [drawing.power(tick) for tick in ticks])
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.locator_params(axis="y", nbins=4)
