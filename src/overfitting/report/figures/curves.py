"""Learning curves: training and validation log loss by epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from overfitting.evaluation.results import Metrics, Training
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import BLUE, INK, VERMILION, Picture

MOST_POINTS = 160  # per curve; a panel cannot show more
LOSSES = ["train_log_loss", "val_log_loss"]


@drawing.styled
def learning_curves(metrics: Metrics, curves: pd.DataFrame) -> Picture | None:
    """One panel per variant; None if only ensembles ran. `curves` is results/curves.csv."""
    trained, labels = metrics.trained, ("epoch", "log loss")
    if not trained:
        return None
    names = list(trained)
    epochs, limits = curves["epoch"].max(), _limits(curves)
    by_variant = dict(iter(curves.groupby("variant")))

    def draw(axes: Axes, name: str) -> None:
        _draw(axes, by_variant[name])
        axes.set(xscale="log", xlim=(0.9, 1.15 * epochs), ylim=limits)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if epochs < 30 else (1,)))
        drawing.plain_numbers(axes.xaxis)
        drawing.title(axes, name)

    figure = drawing.grid(names, draw, labels, top=0.6)
    drawing.legend(figure, figure.axes[0])
    panels = [drawing.single(name, draw, _in_words(name, training)) for name, training in trained.items()]
    caption = (
        "A network overfits where validation rises while training falls. Points mark the best epoch of each seed, "
        "which has the early weights; the last epoch has the late ones. Lines are means over the seeds, as long as "
        f"all of them train; bands reach from the lowest to the highest seed.{_cut(names, curves, limits)} The "
        "training curve is measured during training, with dropout, noise and mixup if the variant has them, so it can "
        "lie above validation."
    )
    key = {"training": BLUE, "validation": VERMILION, "best epoch of a seed": INK}
    best = drawing.listing({name: training.best_epoch.mean for name, training in trained.items()}, digits=0)
    return Picture("curves", "Learning curves", figure, caption, f"Best epochs: {best}.", panels, key, labels)


def _draw(axes: Axes, curves: pd.DataFrame) -> None:
    styles = zip(LOSSES, (BLUE, VERMILION), ("training", "validation"), ((0, (4, 1.2)), "-"), strict=True)
    for column, colour, label, style in styles:
        by_seed = curves.pivot_table(index="epoch", columns="seed", values=column)
        shown = np.geomspace(
            1, by_seed.index.max(), MOST_POINTS
        ).round()  # even on the logarithmic axis; keeps the page small
        by_seed = by_seed[by_seed.index.isin(shown)]
        epochs, lowest, highest = by_seed.index.to_numpy(), by_seed.min(axis=1), by_seed.max(axis=1)
        axes.fill_between(epochs, lowest.to_numpy(), highest.to_numpy(), color=colour, alpha=0.2, linewidth=0)
        mean = by_seed.dropna().mean(axis=1)  # up to the epoch at which the first seed stops
        axes.plot(mean.index, mean, color=colour, linewidth=1.5, linestyle=style, label=label)
    best = curves.loc[curves.groupby("seed")["val_log_loss"].idxmin()]
    axes.plot(best["epoch"], best["val_log_loss"], "o", color=INK, markersize=3, label="best epoch of a seed", zorder=3)


def _in_words(name: str, found: Training) -> str:
    return (
        f"{name}: validation log loss {found.early.val_log_loss.mean:.3f} at epoch {found.best_epoch.mean:.0f}, the "
        f"best, and {found.late.val_log_loss.mean:.3f} at the last, {found.epochs.mean:.0f}; "
        f"training log loss then {found.late.train_log_loss.mean:.3f}."
    )


def _cut(names: Sequence[str], curves: pd.DataFrame, limits: tuple[float, float]) -> str:
    """A sentence that names the variants with losses outside the axis; empty if there are none."""
    low, high = limits
    beyond = set(curves[(curves[LOSSES] > high).any(axis=1) | (curves[LOSSES] < low).any(axis=1)]["variant"])
    outside = [name for name in names if name in beyond]
    if not outside:
        return ""
    which = ", ".join(outside) if len(outside) <= 4 else f"{len(outside)} of {len(names)} variants"
    return f" The axis shows {low:.2f} to {high:.2f}; cut off there: {which}."


def _limits(curves: pd.DataFrame) -> tuple[float, float]:
    """Limits around the lowest validation losses: neither diverging curves nor a training loss near 0 squeeze them."""
    by_run = curves.sort_values("epoch").groupby(["variant", "seed"])["val_log_loss"]
    low = max(curves[LOSSES].to_numpy().min() - 0.02, by_run.min().min() - 0.15)
    high = min(curves[LOSSES].to_numpy().max() + 0.02, max(by_run.first().median(), by_run.min().median()) + 0.1)
    return low, high
