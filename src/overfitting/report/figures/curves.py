"""Figures of one panel a variant: learning curves, weights, calibration."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from overfitting.evaluation.statistics import REFERENCE
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import BLUE, GREY, INK, SOFT, VERMILION, Picture

MOST_POINTS = 160  # of a curve: more than a panel can show
LOSSES = ["train_log_loss", "val_log_loss"]
SMALL = -3.0  # log10 of the size below which a weight does next to nothing
FEW = 0.002  # share of the test rows below which a bin of the calibration is noise


def trained(metrics: Mapping[str, Any]) -> list[str]:
    """Variants that have runs of their own, best first: all but ensembles."""
    return [name for name in metrics["verdict"]["ranking"] if "best_epoch" in metrics["variants"][name]]


def listing(metrics: Mapping[str, Any], key: str, names: Sequence[str] | None = None, digits: int = 4) -> str:
    """The mean of a value of each variant, in words."""
    chosen = metrics["verdict"]["ranking"] if names is None else names
    return ", ".join(f"{name} {metrics['variants'][name][key]['mean']:.{digits}f}" for name in chosen)


@drawing.styled
def learning_curves(metrics: Mapping[str, Any], curves: pd.DataFrame) -> Picture:
    """Training and validation log loss of each variant by epoch."""
    names, labels = trained(metrics), ("epoch", "log loss")
    epochs, (low, high) = curves["epoch"].max(), _loss_limits(curves)
    by_variant = dict(iter(curves.groupby("variant")))

    def draw(axes: Axes, name: str) -> None:
        _curves(axes, by_variant[name])
        axes.set(xscale="log", xlim=(0.9, 1.15 * epochs), ylim=(low, high))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if epochs < 30 else (1,)))
        drawing.plain_numbers(axes.xaxis)
        drawing.title(axes, name)

    figure = drawing.grid(names, draw, labels, top=0.6)
    drawing.legend(figure, figure.axes[0])
    panels = [drawing.single(name, draw, _curve_in_words(metrics, name)) for name in names]
    beyond = curves[(curves[LOSSES] > high).any(axis=1) | (curves[LOSSES] < low).any(axis=1)]["variant"]
    outside = [name for name in names if name in set(beyond)]
    which = ", ".join(outside) if len(outside) <= 4 else f"{len(outside)} of {len(names)} variants"
    cut = f" The axis shows {low:.2f} to {high:.2f}; cut off there: {which}." if outside else ""
    caption = (
        "Where validation climbs while training falls, a network overfits. Points are the best epoch of each seed, "
        "whose weights are kept unless a variant says otherwise. Lines are means while all seeds train, shades reach "
        f"from the lowest to the highest seed.{cut} The training curve is measured while training, with units dropped, "
        "noise and mixtures at work where a variant has them, and so can lie above validation."
    )
    key = {"training": BLUE, "validation": VERMILION, "best epoch of a seed": INK}
    alternative = f"Best epochs: {listing(metrics, 'best_epoch', names, digits=0)}."
    return Picture("curves", "Learning curves", figure, caption, alternative, panels, key, labels)


def _curves(axes: Axes, curves: pd.DataFrame) -> None:
    styles = zip(LOSSES, (BLUE, VERMILION), ("training", "validation"), ((0, (4, 1.2)), "-"), strict=True)
    for column, colour, label, style in styles:
        by_seed = curves.pivot_table(index="epoch", columns="seed", values=column)
        shown = np.geomspace(1, by_seed.index.max(), MOST_POINTS).round()  # even on the axis; keeps the page small
        by_seed = by_seed[by_seed.index.isin(shown)]
        epochs, lowest, highest = by_seed.index.to_numpy(), by_seed.min(axis=1), by_seed.max(axis=1)
        axes.fill_between(epochs, lowest.to_numpy(), highest.to_numpy(), color=colour, alpha=0.2, linewidth=0)
        mean = by_seed.dropna().mean(axis=1)  # only while all seeds train: the mean must not jump where one stops
        axes.plot(mean.index, mean, color=colour, linewidth=1.5, linestyle=style, label=label)
    best = curves.loc[curves.groupby("seed")["val_log_loss"].idxmin()]
    axes.plot(best["epoch"], best["val_log_loss"], "o", color=INK, markersize=3, label="best epoch of a seed", zorder=3)


def _curve_in_words(metrics: Mapping[str, Any], name: str) -> str:
    found = metrics["variants"][name]
    return (
        f"{name}: validation log loss {found['val_log_loss_best']['mean']:.3f} at epoch "
        f"{found['best_epoch']['mean']:.0f}, the best, and {found['val_log_loss_last']['mean']:.3f} at the last, "
        f"{found['epochs']['mean']:.0f}; training log loss then {found['train_log_loss_last']['mean']:.3f}."
    )


def _loss_limits(curves: pd.DataFrame) -> tuple[float, float]:
    """Limits that show where validation is decided: neither what runs away nor a training loss near 0 squashes it."""
    by_run = curves.sort_values("epoch").groupby(["variant", "seed"])["val_log_loss"]
    low = max(curves[LOSSES].to_numpy().min() - 0.02, by_run.min().min() - 0.15)
    high = min(curves[LOSSES].to_numpy().max() + 0.02, max(by_run.first().median(), by_run.min().median()) + 0.1)
    return low, high


@drawing.styled
def weights(metrics: Mapping[str, Any]) -> Picture | None:
    """How large the hidden weights are: a histogram of log10 of their size; None where there are none."""
    shares = {name: metrics["variants"][name].get("weights", {}).get("histogram") for name in trained(metrics)}
    names = [name for name, share in shares.items() if share]
    if not names:
        return None
    edges, labels = np.asarray(metrics["weight_bins"]), ("size of a weight", "share of the weights")
    top = 1.5 * float(np.median([np.max(shares[name]) for name in names]))

    def draw(axes: Axes, name: str) -> None:
        _histogram(axes, edges, shares[name], top, shares.get(REFERENCE) if name != REFERENCE else None)
        drawing.title(axes, name, f"{metrics['variants'][name]['near_zero_share']['mean']:.1%} below 0.001")

    figure = drawing.grid(names, draw, labels)
    said = {name: f"{metrics['variants'][name]['near_zero_share']['mean']:.1%}" for name in names}
    panels = [drawing.single(name, draw, f"{name}: {said[name]} of the weights are below 0.001.") for name in names]
    high = [f"{name} ({np.max(shares[name]):.0%})" for name in names if np.max(shares[name]) > top]
    cut = f" Bars beyond the top, with their height: {', '.join(high)}." if high else ""
    caption = (
        "Weights that moved to the left hardly do anything any more. The dashed line is at 0.001; the first bar, in "
        f"orange, holds all that is next to zero or exactly zero.{cut}"
        + (" The grey outline is large." if REFERENCE in names else "")
    )
    alternative = "Share of hidden weights below 0.001: " + ", ".join(f"{name} {said[name]}" for name in names) + "."
    key = {"hidden weights": BLUE, "0 or next to it": VERMILION, **({"large": GREY} if REFERENCE in names else {})}
    return Picture("weights", "Weights", figure, caption, alternative, panels, key, labels)


def _histogram(axes: Axes, edges: np.ndarray, shares: Sequence[float], top: float, large: Any) -> None:
    colours = [VERMILION, *[BLUE] * (len(shares) - 1)]
    axes.bar(edges[:-1], np.minimum(shares, 1.1 * top), np.diff(edges), align="edge", color=colours)
    if large is not None:
        axes.stairs(large, edges, color=GREY, linewidth=0.9)
    axes.axvline(SMALL, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    for index in np.flatnonzero(np.asarray(shares) > top).tolist():
        side = (
            {"ha": "left", "x": edges[index + 1] + 0.15}
            if index < len(shares) / 2
            else {"ha": "right", "x": edges[index]}
        )
        axes.text(**side, y=0.97 * top, s=f"{shares[index]:.0%}", va="top", fontsize=7.5)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, top))
    ticks = [tick for tick in range(-12, 4, 3) if edges[0] <= tick <= edges[-1]]
    axes.set_xticks(ticks, [drawing.power(tick) for tick in ticks])
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.locator_params(axis="y", nbins=4)


@drawing.styled
def calibration(metrics: Mapping[str, Any]) -> Picture | None:
    """Share of signal by predicted probability; None where no variant has it."""
    variants = metrics["variants"]
    names = [name for name in metrics["verdict"]["ranking"] if variants[name].get("calibration")]
    if not names:
        return None
    labels = ("predicted probability", "share of signal")
    errors = {name: variants[name]["test_calibration_error"]["mean"] for name in names}

    def draw(axes: Axes, name: str) -> None:
        predicted, observed, rows = _reliability(variants[name]["calibration"])
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
    told = f": from {errors[least]:.4f} ({least}) to {errors[most]:.4f} ({most})" if least != most else ""
    caption = (
        "On the dashed diagonal, of all rows said to be signal with 70 %, 70 % are. A curve flatter than it is too "
        f"sure of itself, as networks are that overfit. Above each panel: the expected calibration error{told}. "
        f"Points are as large as their bins hold rows; bins with fewer than {FEW:.1%} of the rows are left out."
    )
    key = {"share of signal": BLUE, "away from the diagonal": VERMILION}
    alternative = f"Expected calibration error: {listing(metrics, 'test_calibration_error', names)}."
    return Picture("calibration", "Calibration", figure, caption, alternative, panels, key, labels)


def _reliability(found: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted probability, share of signal and rows of the bins that have enough rows."""
    predicted, observed, rows = (np.asarray(found[key], np.float64) for key in ("predicted", "observed", "rows"))
    enough = (rows > 0) & (rows >= FEW * rows.sum())
    return predicted[enough], observed[enough], rows[enough]
