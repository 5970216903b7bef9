"""Training and validation log loss: by epoch (learning curves), and by number of parameters (capacity)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from overfitting.evaluation.colours import BLUE, INK, VERMILION
from overfitting.evaluation.formats import listed
from overfitting.evaluation.language import joined, say
from overfitting.evaluation.results import Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import Picture

MOST_POINTS = 160  # per curve; a panel cannot show more
LOSSES = ["train_log_loss", "val_log_loss"]
SIZES = ("tiny", "small", "medium", "large")  # networks without a remedy
HIGHEST = 5  # times the lowest validation loss: curves that diverge further are cut


@drawing.styled
def learning_curves(metrics: Metrics, curves: pd.DataFrame) -> Picture | None:
    """One panel per variant; None if only ensembles ran. `curves` is results/curves.csv."""
    trained = metrics.trained
    if not trained:
        return None
    epochs, limits = curves["epoch"].max(), _limits(curves)
    figure, panels = drawing.grid(len(trained), ("epoch", "log loss"))
    for axes, name in zip(panels, trained, strict=True):
        _draw(axes, curves[curves["variant"] == name])
        axes.set(xscale="log", xlim=(0.9, 1.15 * epochs), ylim=limits)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if epochs < 30 else (1,)))
        drawing.log_labels(axes.xaxis)
        drawing.title(axes, name)
    drawing.legend(figure, figure.axes[0])
    beyond = sorted(set(curves[curves[LOSSES].gt(limits[1]).any(axis=1)]["variant"]))

    def texts() -> tuple[str, str]:
        caption = joined(
            say(
                "A network overfits where validation rises while training falls. Points mark the best epoch of each "
                "seed, which has the early weights; the last epoch has the late ones. Lines are means over the seeds, "
                "as long as all of them train; bands reach from the lowest to the highest seed."
            ),
            say("Cut off above {high:.1f}: {names}.", high=limits[1], names=listed(beyond)) if beyond else "",
            say(
                "Training loss is measured during training, with dropout, noise and mixup if the variant has them, so "
                "it can lie above validation."
            ),
        )
        best = drawing.listing({name: training.best_epoch.mean for name, training in trained.items()}, digits=0)
        return caption, say("Best epochs: {epochs}.", epochs=best)

    return Picture("curves", "Learning curves", figure, texts)


def thinned(by_seed: pd.DataFrame, most: int = MOST_POINTS) -> pd.DataFrame:
    """At most that many epochs, even on a logarithmic axis; keeps the page small."""
    shown = np.geomspace(1, by_seed.index.max(), most).round()
    return by_seed[by_seed.index.isin(shown)]


def _draw(axes: Axes, curves: pd.DataFrame) -> None:
    styles = zip(LOSSES, (BLUE, VERMILION), ("training", "validation"), ((0, (4, 1.2)), "-"), strict=True)
    for column, colour, label, style in styles:
        by_seed = thinned(curves.pivot_table(index="epoch", columns="seed", values=column))
        lowest, highest = by_seed.min(axis=1).to_numpy(), by_seed.max(axis=1).to_numpy()
        axes.fill_between(by_seed.index.to_numpy(), lowest, highest, color=colour, alpha=0.2, linewidth=0)
        mean = by_seed.dropna().mean(axis=1)  # up to the epoch at which the first seed stops
        axes.plot(mean.index, mean, color=colour, linewidth=1.5, linestyle=style, label=label)
    best = curves.loc[curves.groupby("seed")["val_log_loss"].idxmin()]
    axes.plot(best["epoch"], best["val_log_loss"], "o", color=INK, markersize=3, label="best epoch of a seed", zorder=3)


def _limits(curves: pd.DataFrame) -> tuple[float, float]:
    """From the lowest loss to the highest, which shows how far overfitting goes."""
    losses = curves[LOSSES].to_numpy()
    low, high = losses.min(), min(losses.max(), HIGHEST * curves["val_log_loss"].min())
    margin = 0.04 * (high - low) or 0.01
    return low - margin, high + margin


@drawing.styled
def capacity(metrics: Metrics) -> Picture | None:
    """Log loss of the networks of `SIZES` at the best and at the last epoch; None if fewer than two of them ran."""
    trained = {name: metrics.trained[name] for name in SIZES if name in metrics.trained}
    if len(trained) < 2:
        return None
    parameters, found = [metrics.variants[name].parameters for name in trained], trained.values()
    late = [training.late.val_log_loss.mean for training in found]
    figure, (axes,) = drawing.row(3.3)
    for label, colour, style, means in (
        ("validation, best epoch", VERMILION, "o-", [training.early.val_log_loss.mean for training in found]),
        ("validation, last epoch", VERMILION, "o--", late),
        ("training, best epoch", BLUE, "s-", [training.early.train_log_loss.mean for training in found]),
        ("training, last epoch", BLUE, "s--", [training.late.train_log_loss.mean for training in found]),
    ):
        axes.plot(parameters, means, style, markersize=4, color=colour, label=label)
    for name, number in zip(trained, parameters, strict=True):
        axes.text(number, 1.02, name, transform=axes.get_xaxis_transform(), rotation=30, fontsize=8.5)
    axes.set(xscale="log", xlabel="parameters", ylabel="log loss")
    drawing.log_labels(axes.xaxis)
    drawing.legend(figure, axes, columns=2)

    def texts() -> tuple[str, str]:
        caption = say(
            "The larger the network, the larger the gap between training (blue) and validation (orange) after the last "
            "epoch (dashed). Keeping the best epoch (solid) removes most of the gap."
        )
        losses = drawing.listing(dict(zip(trained, late, strict=True)))
        return caption, say("Validation log loss at the last epoch by size: {losses}.", losses=losses)

    return Picture("capacity", "Capacity", figure, texts)
