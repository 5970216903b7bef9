"""The figures of the report: metrics and curves in, pictures out. Nothing is written here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overfitting.evaluation.statistics import PRIMARY, REFERENCE
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import BLUE, GREEN, GREY, INK, SOFT, VERMILION, Picture
from overfitting.report.figures.panels import calibration, learning_curves, listing, trained, weights
from overfitting.report.figures.strengths import strength_paths

GROUP_COLOURS = {"best": GREEN, "better": BLUE, "tied": GREY, "reference": INK, "worse": VERMILION}
GROUP_MARKERS = {"best": "D", "better": "o", "tied": "s", "reference": "P", "worse": "v"}
SIZES = ("tiny", "small", "medium", "large")
FAR = 4  # times what is usual among the others: what is further off would squash them


@dataclass(frozen=True)
class Row:
    """One line of the forest: a mean and its interval, if there is one, against the other rows."""

    name: str
    mean: float
    low: float
    high: float
    group: str  # of GROUP_COLOURS; "" for what is no network and not ranked


def pictures(metrics: Mapping[str, Any], curves: pd.DataFrame, tuning: pd.DataFrame | None = None) -> list[Picture]:
    """All figures that the numbers allow; the capacity ladder needs at least two sizes of the plain network."""
    drawn = [forest(metrics)]
    if trained(metrics):
        drawn += [learning_curves(metrics, curves), gaps(metrics)]
    if sum(name in metrics["variants"] for name in SIZES) > 1:
        drawn.append(ladder(metrics))
    more = (strength_paths(metrics, tuning), weights(metrics), calibration(metrics))
    return drawn + [picture for picture in more if picture is not None]


@drawing.styled
def forest(metrics: Mapping[str, Any]) -> Picture:
    """Ranking: paired differences of test log loss to `large`, or test log losses where `large` did not run."""
    ranked, others = _forest_rows(metrics)
    paired = REFERENCE in metrics["variants"]
    heights = [-index for index in range(len(ranked))] + [-len(ranked) - 0.5 - index for index in range(len(others))]
    figure, axes = _rows([row.name for row in ranked + others], heights)
    low, high = _forest_limits(ranked, others, 0.0 if paired else ranked[0].mean)
    axes.set_xlim(low, high)
    axes.locator_params(axis="x", nbins=6)
    if paired:
        axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for height, row in zip(heights, ranked + others, strict=True):
        _forest_row(axes, height, row, "+" if paired else "")
    if others:
        axes.axhline(-len(ranked) + 0.25, color=SOFT, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set_xlabel("test log loss minus that of large\n← better · worse →" if paired else "test log loss\n← better")
    _legend_of_groups(figure, axes, metrics)
    cut = [row for row in ranked + others if row.mean > high]
    caption = _forest_caption(metrics, paired, cut)
    alternative = "Ranking by test log loss, best first: " + listing(metrics, PRIMARY) + "."
    if others:
        found = metrics["references"]
        alternative += " Not ranked: " + ", ".join(
            f"{row.name} {found[row.name][PRIMARY]['mean']:.4f}" for row in others
        )
    return Picture("forest", "Ranking", figure, caption, alternative)


def _forest_rows(metrics: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Rows of the variants, best first, and of the references, best first."""
    variants, references = metrics["variants"], metrics.get("references", {})

    def row(name: str, found: Mapping[str, Any], group: str) -> Row:
        shown = found[PRIMARY]
        if REFERENCE in variants:
            shown = (found["difference_to_large"] or {}).get(PRIMARY, {"mean": 0.0, "ci_low": None})
        mean = shown["mean"]
        low, high = (mean, mean) if shown["ci_low"] is None else (shown["ci_low"], shown["ci_high"])
        return Row(name, mean, low, high, group)

    ranked = [row(name, variants[name], variants[name]["group"]) for name in metrics["verdict"]["ranking"]]
    others = [row(name, found, "") for name, found in references.items()]
    return ranked, sorted(others, key=lambda row: row.mean)


def _forest_limits(ranked: Sequence[Row], others: Sequence[Row], origin: float) -> tuple[float, float]:
    """Limits that show the rows near `origin`: what is far worse than all others is left out, never what is better."""
    off = sorted(abs(row.mean - origin) for row in ranked if row.mean != origin) or [0.0]
    half = sorted((row.high - row.low) / 2 for row in ranked)
    better = origin - min(row.mean for row in [*ranked, *others])
    reach = max(1.5 * better, FAR * off[(len(off) - 1) // 2], FAR * half[len(half) // 2], 1e-6)
    near = [row for row in [*ranked, *others] if row.mean - origin <= reach]
    low = max(origin - reach, min(row.low for row in near))
    high = min(origin + reach, max(row.high for row in near))
    margin = 0.05 * (high - low) or 0.01
    return low - margin, high + margin


def _forest_row(axes: Axes, height: float, row: Row, sign: str) -> None:
    low, high = axes.get_xlim()
    colour = GROUP_COLOURS.get(row.group, GREY)
    edge = axes.get_yaxis_transform()
    value = "0" if row.group == "reference" and sign else f"{row.mean:{sign}.4f}".replace("-", "−")
    axes.text(1.03, height, value, transform=edge, color=colour, fontsize=8, va="center_baseline")
    if row.mean > high:
        axes.annotate(
            "", (1, height), (0.7, height), edge, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8}
        )
        return
    if row.low < row.high:
        axes.plot([row.low, row.high], [height, height], color=colour, linewidth=1.8, solid_capstyle="butt")
    for end, marker, beyond in ((low, "<", row.low < low), (high, ">", row.high > high)):
        if beyond:
            axes.plot(end, height, marker, color=colour, markersize=5, clip_on=False)
    marker, face = GROUP_MARKERS.get(row.group, "o"), colour if row.group else drawing.PAPER
    axes.plot(row.mean, height, marker, color=colour, markerfacecolor=face, markersize=5.5, zorder=3)


def _forest_caption(metrics: Mapping[str, Any], paired: bool, cut: Sequence[Row]) -> str:
    several = len(metrics["run"]["seeds"]) > 1
    parts = []
    if paired and several:
        parts.append(
            "Left of the line is better than large, and an interval that stays left of it shows that this is no luck: "
            "seeds and test rows are paired, and both are counted. Groups are told after Holm's correction for the "
            "number of comparisons, so an interval may just miss the line and still be grey."
        )
    elif paired:
        parts.append("Left of the line is better than large. One seed gives no interval, and the order may be luck.")
    elif several:
        parts.append(
            "Test log loss: the mean over the seeds and its interval over seeds and test rows. Variants share both, so "
            "overlapping intervals can still differ: the groups are told by paired differences."
        )
    else:
        parts.append("Test log loss of each variant. One seed gives no interval, and the order may be luck.")
    if cut:
        named = ", ".join(f"{row.name} ({row.mean:{'+' if paired else ''}.4f})" for row in cut)
        parts.append(f"Beyond the right edge, where an arrow points: {named}.")
    if metrics.get("references"):
        parts.append("Hollow, below the dashes: classifiers that are no networks, for scale; they are not ranked.")
    return " ".join(parts)


@drawing.styled
def gaps(metrics: Mapping[str, Any]) -> Picture:
    """Generalisation gap of each variant at its best and at its last epoch."""
    names = trained(metrics)
    heights = list(range(0, -len(names), -1))
    figure, sides = drawing.beside(2, 0.9 + 0.24 * len(names))
    ways = (("gap_best", BLUE, "best epoch"), ("gap_last", VERMILION, "last epoch"))
    cut: list[str] = []
    for axes, (key, colour, label) in zip(sides, ways, strict=True):
        means = [metrics["variants"][name][key]["mean"] for name in names]
        most = _most(means)
        axes.barh(heights, [min(mean, most) for mean in means], 0.62, color=colour, label=label)
        for height, mean in zip(heights, means, strict=True):
            text = f"{mean:.3f}".replace("-", "−") + (" →" if mean > most else "")
            end = (min(max(mean, 0.0), most), height)
            axes.annotate(text, end, (3, 0), textcoords="offset points", va="center_baseline", fontsize=8)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set_xlim(min(0.0, *means) * 1.1, 1.45 * most)
        axes.set_title(label, color=colour)
        axes.locator_params(axis="x", nbins=3)
        _name_rows(axes, names, heights)
        cut += [name for name, mean in zip(names, means, strict=True) if mean > most]
    figure.supxlabel("validation minus training log loss", fontsize=9)
    caption = (
        "Short bars on the right: a remedy works even when nobody stops the training in time. The gap is measured on "
        "the whole training and validation sets, with nothing dropped and without penalty; the two sides have scales "
        "of their own." + (f" Bars with an arrow go on: {', '.join(dict.fromkeys(cut))}." if cut else "")
    )
    alternative = (
        f"Gap at the best epoch: {listing(metrics, 'gap_best', names, digits=3)}. "
        f"Gap at the last epoch: {listing(metrics, 'gap_last', names, digits=3)}."
    )
    return Picture("gaps", "Generalisation gap", figure, caption, alternative)


def _most(means: Sequence[float]) -> float:
    """Length of the longest bar: a single one that is far longer than all others goes on beyond it."""
    longest, *others = sorted(means, reverse=True)
    if len(others) > 2 and others[0] > 0 and longest > FAR * others[0]:
        return 1.3 * others[0]
    return max(longest, 1e-6)


@drawing.styled
def ladder(metrics: Mapping[str, Any]) -> Picture:
    """Log loss against the number of parameters of the plain networks, at the best and at the last epoch."""
    variants = metrics["variants"]
    names = [name for name in SIZES if name in variants]
    sizes = [variants[name]["parameters"] for name in names]
    figure, axes = drawing.one(3.3)
    for part, colour, marker in (("val", VERMILION, "o"), ("train", BLUE, "s")):
        label = "validation" if part == "val" else "training"
        for epoch, style in (("best", "-"), ("last", "--")):
            losses = [variants[name][f"{part}_log_loss_{epoch}"]["mean"] for name in names]
            axes.plot(sizes, losses, style, marker=marker, markersize=4, color=colour, label=f"{label}, {epoch} epoch")
    for name, size in zip(names, sizes, strict=True):
        axes.text(size, 1.02, name, transform=axes.get_xaxis_transform(), rotation=30, fontsize=8.5)
    axes.set(xscale="log", xlabel="parameters", ylabel="log loss")
    drawing.plain_numbers(axes.xaxis)
    drawing.legend(figure, axes, columns=2)
    caption = (
        "The larger the network, the further apart training and validation end when it trains to the last epoch "
        "(dashed). Keeping the best epoch (solid) takes most of that away. The distance between orange and blue is the "
        "gap."
    )
    listed = listing(metrics, "val_log_loss_last", names)
    return Picture("capacity", "Capacity", figure, caption, f"Validation log loss at the last epoch by size: {listed}.")


def _rows(names: Sequence[str], heights: Sequence[float]) -> tuple[Figure, Axes]:
    figure, axes = drawing.one(1.15 + 0.24 * -min(heights))
    axes.grid(False, axis="y")
    _name_rows(axes, names, heights)
    return figure, axes


def _name_rows(axes: Axes, names: Sequence[str], heights: Sequence[float]) -> None:
    shown = [name if len(name) <= 26 else f"{name[:25]}…" for name in names]
    axes.set_yticks(heights, shown)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.set_ylim(min(heights) - 0.6, 0.6)


def _legend_of_groups(figure: Figure, axes: Axes, metrics: Mapping[str, Any]) -> None:
    groups = [found["group"] for found in metrics["variants"].values()]
    meanings = {
        "best": "best (tied)" if groups.count("best") > 1 else "best",
        "better": "better than large",
        "tied": "tied with large",
        "reference": "large",
        "worse": "worse than large" if REFERENCE in metrics["variants"] else "worse than the best",
    }
    for group in (name for name in meanings if name in groups):
        axes.plot([], [], GROUP_MARKERS[group], color=GROUP_COLOURS[group], markersize=5.5, label=meanings[group])
    if metrics.get("references"):
        axes.plot([], [], "o", color=GREY, markerfacecolor=drawing.PAPER, markersize=5.5, label="no network")
    drawing.legend(figure, axes)
