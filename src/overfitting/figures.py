"""The figures of the report: metrics and curves in, matplotlib figures out. Nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from overfitting.statistics import PRIMARY, REFERENCE

# Okabe and Ito (2008), told apart by colour-blind readers
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
GROUP_COLOURS = {"best": GREEN, "better": BLUE, "tied": GREY, "reference": "#000000", "worse": VERMILION}
WIDTH, FULL_WIDTH = 6.4, 8.0  # inches; narrow enough for the text to be readable on a phone
MOST_POINTS = 250  # of a curve: more than a panel can show
SIZES = ("tiny", "small", "medium", "large")
LOSSES = ["train_log_loss", "val_log_loss"]


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
    names, variants = list(reversed(metrics["verdict"]["ranking"])), metrics["variants"]
    figure, axes = _rows(names)
    for height, name in enumerate(names):
        found, colour = variants[name][PRIMARY], GROUP_COLOURS[variants[name]["group"]]
        axes.plot(found["mean"], height, "o", color=colour, markersize=7)
        if found["ci_low"] is not None:
            axes.plot([found["ci_low"], found["ci_high"]], [height, height], color=colour, linewidth=2.2)
        axes.plot(found["seeds"], [height - 0.27] * len(found["seeds"]), "|", color=colour, markersize=5, alpha=0.6)
    line = ""
    if REFERENCE in variants:
        axes.axvline(variants[REFERENCE][PRIMARY]["mean"], color=GREY, linewidth=1, linestyle=":", zorder=0)
        line = " The dotted line is large."
    axes.set_xlabel("test log loss (lower is better)")
    _legend_of_groups(figure, axes, metrics)
    caption = (
        "Test log loss of each variant: the mean over the seeds and its interval over seeds and test rows; ticks below "
        f"are the single seeds.{line} Variants share seeds and rows, so overlapping intervals can still differ: the "
        "groups are told by paired differences."
    )
    if len(metrics["run"]["seeds"]) < 2:
        caption = f"Test log loss of each variant. One seed gives no interval, and the order may be luck.{line}"
    alternative = "Ranking by test log loss, best first: " + _listing(metrics, PRIMARY) + "."
    return Picture("forest", figure, caption, alternative)


def learning_curves(metrics: Mapping[str, Any], curves: pd.DataFrame) -> Picture:
    """Training and validation log loss of each variant by epoch, one small panel each."""
    names = metrics["verdict"]["ranking"]
    low, high = _loss_limits(curves)
    figure, panels = _grid(len(names), curves["epoch"].max())
    for panel, name in zip(panels, names, strict=True):
        _curve_panel(panel, curves[curves["variant"] == name])
        short = name if len(name) <= 30 else f"{name[:29]}…"
        panel.set_title(short, fontsize=min(10, 200 / len(short)))
    panels[0].set_ylim(low, high)
    figure.supxlabel("epoch", fontsize=10)
    figure.supylabel("log loss", fontsize=10)
    _legend(figure, panels[0])
    beyond = curves[(curves[LOSSES] > high).any(axis=1) | (curves[LOSSES] < low).any(axis=1)]["variant"]
    outside = ", ".join(name for name in names if name in set(beyond))
    cut = f"The axis shows {low:.2f} to {high:.2f}; cut off there: {outside}. " if outside else ""
    caption = (
        "Log loss by epoch: the mean while all seeds train, single seeds faint. The best epoch of each seed, whose "
        "weights are kept, is a point on the validation curve. Where validation climbs and training falls, it "
        f"overfits. {cut}With dropout the training curve is measured with units dropped, and so can lie above "
        "validation."
    )
    return Picture("curves", figure, caption, "Best epochs: " + _listing(metrics, "best_epoch", digits=0) + ".")


def gaps(metrics: Mapping[str, Any]) -> Picture:
    """Generalisation gap of each variant at its best and at its last epoch."""
    names = list(reversed(metrics["verdict"]["ranking"]))
    figure, axes = _rows(names)
    for key, offset, colour, label in (
        ("gap_best", 0.19, BLUE, "best epoch (kept)"),
        ("gap_last", -0.19, VERMILION, "last epoch"),
    ):
        means = [metrics["variants"][name][key]["mean"] for name in names]
        heights = np.arange(len(names)) + offset
        axes.barh(heights, means, 0.36, color=colour, label=label)
        for height, mean in zip(heights, means, strict=True):
            axes.annotate(
                f"{mean:.3f}", (max(mean, 0.0), height), (4, 0), textcoords="offset points", va="center", size=8
            )
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.margins(x=0.1)
    axes.set_xlabel("generalisation gap: validation minus training log loss")
    _legend(figure, axes)
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
    figure, axes = _one_panel(3.8)
    for part, colour in (("val", VERMILION), ("train", BLUE)):
        label = "validation" if part == "val" else "training"
        for epoch, style in (("best", "-"), ("last", "--")):
            losses = [variants[name][f"{part}_log_loss_{epoch}"]["mean"] for name in names]
            axes.plot(sizes, losses, style, marker="o", markersize=4, color=colour, label=f"{label}, {epoch} epoch")
    for name, size in zip(names, sizes, strict=True):
        axes.text(size, 1.02, name, transform=axes.get_xaxis_transform(), rotation=30)  # tiny and small are close
    axes.set(xscale="log", xlabel="parameters", ylabel="log loss")
    _plain_numbers(axes)
    _legend(figure, axes, columns=2)
    caption = (
        "Log loss against the number of parameters of the plain networks. The distance of validation from training is "
        "the gap: dashed, when training runs to the last epoch; solid, when the best epoch is kept."
    )
    listing = _listing(metrics, "val_log_loss_last", names)
    return Picture("capacity", figure, caption, f"Validation log loss at the last epoch by size: {listing}.")


def _grid(panels: int, epochs: int) -> tuple[Figure, list[Axes]]:
    """Panels with common axes, the epoch logarithmic."""
    columns = 4 if panels > 6 else min(3, panels)
    rows = -(-panels // columns)
    figure = Figure(figsize=(FULL_WIDTH, 0.7 + 1.9 * rows), layout="constrained")
    grid = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for panel in grid[panels:]:
        panel.set_visible(False)
    for panel in grid[panels - columns : panels]:
        panel.tick_params(labelbottom=True)  # the lowest of its column, also where the last row is not full
    grid[0].set(xscale="log", xlim=(0.9, 1.1 * epochs))
    grid[0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if epochs < 30 else (1,)))
    _plain_numbers(grid[0])
    return figure, grid[:panels]


def _curve_panel(panel: Axes, curves: pd.DataFrame) -> None:
    for column, colour, label in zip(LOSSES, (BLUE, VERMILION), ("training", "validation"), strict=True):
        by_seed = curves.pivot_table(index="epoch", columns="seed", values=column)
        shown = np.geomspace(1, by_seed.index.max(), MOST_POINTS).round()  # even on the axis; keeps the page small
        by_seed = by_seed[by_seed.index.isin(shown)]
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
    """Limits that show where validation is decided: neither what runs away nor a training loss near 0 squashes it."""
    by_run = curves.sort_values("epoch").groupby(["variant", "seed"])["val_log_loss"]
    low = max(curves[LOSSES].to_numpy().min() - 0.02, by_run.min().min() - 0.25)
    high = min(curves[LOSSES].to_numpy().max() + 0.02, max(by_run.first().median(), by_run.min().median()) + 0.15)
    return low, high


def _listing(metrics: Mapping[str, Any], key: str, names: Sequence[str] | None = None, digits: int = 4) -> str:
    chosen = metrics["verdict"]["ranking"] if names is None else names
    return ", ".join(f"{name} {metrics['variants'][name][key]['mean']:.{digits}f}" for name in chosen)


def _rows(names: Sequence[str]) -> tuple[Figure, Axes]:
    figure, axes = _one_panel(1.3 + 0.38 * len(names))
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    return figure, axes


def _one_panel(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)
    return figure, axes


def _legend_of_groups(figure: Figure, axes: Axes, metrics: Mapping[str, Any]) -> None:
    groups = [found["group"] for found in metrics["variants"].values()]
    meanings = {
        "best": "best (tied)" if groups.count("best") > 1 else "best",
        "better": "better than large",
        "tied": "not distinguishable from large",
        "reference": "large",
        "worse": "worse than large" if REFERENCE in metrics["variants"] else "worse than the best",
    }
    for group in (name for name in meanings if name in groups):
        axes.plot([], [], "o-", color=GROUP_COLOURS[group], label=meanings[group])
    _legend(figure, axes)


def _legend(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """Above the axes, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=9)


def _plain_numbers(axes: Axes) -> None:
    """1,000 rather than 10 to the power of 3 on a logarithmic axis."""
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
