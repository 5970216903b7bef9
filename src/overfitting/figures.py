"""The figures of the report: metrics and curves in, matplotlib figures out. Nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overfitting.statistics import PRIMARY, REFERENCE

# Okabe and Ito (2008), told apart by colour-blind readers
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
GROUP_COLOURS = {"best": GREEN, "better": BLUE, "tied": GREY, "reference": "#000000", "worse": VERMILION}
WIDTH = 8.0  # inches
SIZES = ("tiny", "small", "medium", "large")


@dataclass(frozen=True)
class Picture:
    """A figure, what to see in it, and what it shows in words for who can't see it."""

    name: str
    figure: Figure
    caption: str
    alternative: str


def pictures(metrics: Mapping[str, Any], curves: pd.DataFrame) -> list[Picture]:
    """All figures of a comparison; the capacity ladder needs at least two sizes of the plain network."""
    drawn = [forest(metrics), learning_curves(metrics, curves), gaps(metrics)]
    if sum(name in metrics["variants"] for name in SIZES) > 1:
        drawn.append(ladder(metrics))
    return drawn


def forest(metrics: Mapping[str, Any]) -> Picture:
    """Ranking by test log loss: the mean and its interval, coloured by group."""
    names = list(reversed(metrics["verdict"]["ranking"]))
    variants = metrics["variants"]
    figure = Figure(figsize=(WIDTH, 1.1 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for height, name in enumerate(names):
        found, colour = variants[name][PRIMARY], GROUP_COLOURS[variants[name]["group"]]
        axes.plot(found["mean"], height, "o", color=colour, markersize=7)
        if found["ci_low"] is not None:
            axes.plot([found["ci_low"], found["ci_high"]], [height, height], color=colour, linewidth=2.2)
        axes.plot(found["seeds"], [height - 0.22] * len(found["seeds"]), "|", color=colour, markersize=5, alpha=0.6)
    if REFERENCE in variants:
        axes.axvline(variants[REFERENCE][PRIMARY]["mean"], color=GREY, linewidth=1, linestyle=":", zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("test log loss (lower is better)")
    _legend_of_groups(axes, [variants[name]["group"] for name in names])
    _clean(axes)
    caption = (
        "Test log loss of each variant: the mean over the seeds and its interval over seeds and test rows; ticks below "
        "are the single seeds, the dotted line is large. Variants share seeds and rows, so overlapping "
        "intervals can still differ: the groups are told by paired differences."
    )
    return Picture(
        "forest", figure, caption, "Ranking by test log loss, best first: " + _listing(metrics, PRIMARY) + "."
    )


def learning_curves(metrics: Mapping[str, Any], curves: pd.DataFrame) -> Picture:
    """Training and validation log loss of each variant by epoch, one small panel each."""
    names = metrics["verdict"]["ranking"]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(WIDTH, 0.5 + 2.0 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    low, high = _loss_limits(curves)
    for panel, name in zip(panels.flat, names, strict=False):
        _curve_panel(panel, curves[curves["variant"] == name])
        panel.set_title(name, fontsize=10)
    for panel in panels.flat[len(names) :]:
        panel.set_visible(False)
    panels[0, 0].set(xscale="log", ylim=(low, high))
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel("log loss", fontsize=10)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    caption = (
        "Log loss by epoch: the mean over the seeds, single seeds faint. The best epoch of each seed, whose "
        "weights are kept, is a point on the validation curve. Where validation climbs and training falls, it "
        "overfits. "
        f"The axis ends at {high:.2f}: what lies above is cut off. With dropout the training curve is measured with "
        "units dropped, and so can lie above validation."
    )
    return Picture("curves", figure, caption, "Best epochs: " + _listing(metrics, "best_epoch", digits=0) + ".")


def gaps(metrics: Mapping[str, Any]) -> Picture:
    """Generalisation gap of each variant at its best and at its last epoch."""
    names = list(reversed(metrics["verdict"]["ranking"]))
    figure = Figure(figsize=(WIDTH, 1.2 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for key, offset, colour, label in (
        ("gap_last", -0.19, VERMILION, "last epoch"),
        ("gap_best", 0.19, BLUE, "best epoch (kept)"),
    ):
        means = [metrics["variants"][name][key]["mean"] for name in names]
        heights = np.arange(len(names)) + offset
        axes.barh(heights, means, 0.36, color=colour, label=label)
        for height, mean in zip(heights, means, strict=True):
            axes.annotate(
                f"{mean:.3f}", (max(mean, 0.0), height), (4, 0), textcoords="offset points", va="center", size=8
            )
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.margins(x=0.1)
    axes.set_xlabel("generalisation gap: validation minus training log loss")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    _clean(axes)
    caption = (
        "Generalisation gap, without dropout and without penalty, on the whole training and validation sets. "
        "At the last epoch it shows how far a variant overfits when nobody stops it."
    )
    return Picture("gaps", figure, caption, "Gap at the last epoch: " + _listing(metrics, "gap_last", digits=3) + ".")


def ladder(metrics: Mapping[str, Any]) -> Picture:
    """Log loss against the number of parameters of the plain networks, at the best and at the last epoch."""
    variants = metrics["variants"]
    names = [name for name in SIZES if name in variants]
    sizes = [variants[name]["parameters"] for name in names]
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for part, colour in (("val", VERMILION), ("train", BLUE)):
        label = "validation" if part == "val" else "training"
        for epoch, style in (("best", "-"), ("last", "--")):
            losses = [variants[name][f"{part}_log_loss_{epoch}"]["mean"] for name in names]
            axes.plot(sizes, losses, style, marker="o", markersize=4, color=colour, label=f"{label}, {epoch} epoch")
    for name, size in zip(names, sizes, strict=True):
        axes.annotate(
            name, (size, 1.0), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center"
        )
    axes.set(xscale="log", xlabel="parameters", ylabel="log loss")
    axes.legend(frameon=False, fontsize=9)
    _clean(axes)
    caption = (
        "Log loss against the number of parameters of the plain networks. The distance of validation from training is "
        "the gap: dashed, when training runs to the last epoch; solid, when the best epoch is kept."
    )
    listing = _listing(metrics, "val_log_loss_last", names)
    return Picture("capacity", figure, caption, f"Validation log loss at the last epoch by size: {listing}.")


def _curve_panel(panel: Axes, curves: pd.DataFrame) -> None:
    for column, colour, label in (("train_log_loss", BLUE, "training"), ("val_log_loss", VERMILION, "validation")):
        by_seed = curves.pivot_table(index="epoch", columns="seed", values=column)
        panel.plot(by_seed.index, by_seed, color=colour, alpha=0.22, linewidth=0.7)
        mean = by_seed.dropna().mean(axis=1)  # only while all seeds train: the mean must not jump where one stops
        panel.plot(mean.index, mean, color=colour, linewidth=1.7, label=label)
    best = curves.loc[curves.groupby("seed")["val_log_loss"].idxmin()]
    panel.plot(
        best["epoch"], best["val_log_loss"], "o", color="black", markersize=3, label="best epoch of a seed", zorder=3
    )
    panel.grid(alpha=0.25, linewidth=0.5)
    panel.tick_params(labelsize=8)


def _loss_limits(curves: pd.DataFrame) -> tuple[float, float]:
    """Limits that show all but what has run away: up to a third above the median of the first epochs' losses."""
    losses = curves[["train_log_loss", "val_log_loss"]]
    first = float(curves.loc[curves["epoch"] == 1, "val_log_loss"].median())
    low = float(losses.quantile(0.02).min())
    return max(0.0, low - 0.03), max(float(losses.median().max()), first) + 0.2


def _listing(metrics: Mapping[str, Any], key: str, names: Sequence[str] | None = None, digits: int = 4) -> str:
    chosen = metrics["verdict"]["ranking"] if names is None else names
    return ", ".join(f"{name} {metrics['variants'][name][key]['mean']:.{digits}f}" for name in chosen)


def _legend_of_groups(axes: Axes, groups: Sequence[str]) -> None:
    meanings = {
        "best": "best (tied)",
        "better": "better than large",
        "tied": "not distinguishable from large",
        "reference": "large",
        "worse": "worse than large",
    }
    for group in (name for name in meanings if name in groups):
        axes.plot([], [], "o-", color=GROUP_COLOURS[group], label=meanings[group])
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
