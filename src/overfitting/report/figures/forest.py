"""Forest plot: the ranking as differences to `large` with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overfitting.evaluation.results import REFERENCE, Metrics, Scores, Variant
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import BLUE, FAR, GREEN, GREY, INK, SOFT, VERMILION, Picture

GROUP_COLOURS = {"best": GREEN, "better": BLUE, "tied": GREY, "reference": INK, "worse": VERMILION}
GROUP_MARKERS = {"best": "D", "better": "o", "tied": "s", "reference": "P", "worse": "v"}


@dataclass(frozen=True)
class Row:
    """One row of the plot; `low` and `high` are the ends of the interval, both the mean if there is none."""

    name: str
    mean: float
    low: float
    high: float
    group: str  # of GROUP_COLOURS; "" for a baseline


@drawing.styled
def forest(metrics: Metrics) -> Picture:
    """Paired differences of test log loss to `large`, or test log losses if `large` did not run."""
    ranked = [_row(metrics, name, metrics.variants[name]) for name in metrics.verdict.ranking]
    baselines = [_row(metrics, name, found) for name, found in metrics.baselines.items()]
    rows = ranked + sorted(baselines, key=lambda row: row.mean)
    paired = REFERENCE in metrics.variants
    heights = [-index - (0.5 if index >= len(ranked) else 0.0) for index in range(len(rows))]
    figure, axes = drawing.one(1.15 + 0.24 * -min(heights))
    drawing.name_rows(axes, [row.name for row in rows], heights)
    low, high = _limits(ranked, rows, 0.0 if paired else ranked[0].mean)
    axes.set_xlim(low, high)
    axes.locator_params(axis="x", nbins=6)
    if paired:
        axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for height, row in zip(heights, rows, strict=True):
        _draw(axes, height, row, "+" if paired else "")
    if baselines:
        axes.axhline(-len(ranked) + 0.25, color=SOFT, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set_xlabel("test log loss minus that of large\n← better · worse →" if paired else "test log loss\n← better")
    _legend(figure, axes, metrics)
    caption = _caption(metrics, [row for row in rows if row.mean > high])
    return Picture("forest", "Ranking", figure, caption, _in_words(metrics, rows[len(ranked) :]))


def _row(metrics: Metrics, name: str, found: Scores) -> Row:
    group = found.group if isinstance(found, Variant) else ""
    if REFERENCE not in metrics.variants:
        return Row(name, found.log_loss.mean, *found.log_loss.interval, group)
    if found.difference is None:
        return Row(name, 0.0, 0.0, 0.0, group)
    return Row(name, found.difference.mean, *found.difference.interval, group)


def _limits(ranked: Sequence[Row], rows: Sequence[Row], origin: float) -> tuple[float, float]:
    """Limits of the axis around `origin`: rows much worse than all others may lie outside, better ones never do."""
    off = sorted(abs(row.mean - origin) for row in ranked if row.mean != origin) or [0.0]
    half = sorted((row.high - row.low) / 2 for row in ranked)
    better = origin - min(row.mean for row in rows)
    reach = max(1.5 * better, FAR * off[(len(off) - 1) // 2], FAR * half[len(half) // 2], 1e-6)
    near = [row for row in rows if row.mean - origin <= reach]
    low = max(origin - reach, min(row.low for row in near))
    high = min(origin + reach, max(row.high for row in near))
    margin = 0.05 * (high - low) or 0.01
    return low - margin, high + margin


def _draw(axes: Axes, height: float, row: Row, sign: str) -> None:
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


def _legend(figure: Figure, axes: Axes, metrics: Metrics) -> None:
    groups = [found.group for found in metrics.variants.values()]
    meanings = {
        "best": "best (tied)" if groups.count("best") > 1 else "best",
        "better": "better than large",
        "tied": "tied with large",
        "reference": "large",
        "worse": "worse than large" if REFERENCE in metrics.variants else "worse than the best",
    }
    for group in (name for name in meanings if name in groups):
        axes.plot([], [], GROUP_MARKERS[group], color=GROUP_COLOURS[group], markersize=5.5, label=meanings[group])
    if metrics.baselines:
        axes.plot([], [], "o", color=GREY, markerfacecolor=drawing.PAPER, markersize=5.5, label="baseline")
    drawing.legend(figure, axes)


def _caption(metrics: Metrics, outside: Sequence[Row]) -> str:
    several, paired = len(metrics.run.seeds) > 1, REFERENCE in metrics.variants
    parts = []
    if paired and several:
        parts.append(
            "Rows left of the line are better than large. If an interval also lies left of it, chance is an unlikely "
            "explanation: differences are paired by seed and test row, and intervals account for both. Groups use "
            "Holm's correction for the number of comparisons, so an interval can just miss the line and still be grey."
        )
    elif paired:
        parts.append(
            "Rows left of the line are better than large. One seed gives no interval: the order may be chance."
        )
    elif several:
        parts.append(
            "Test log loss: mean over the seeds, and its interval over seeds and test rows. Variants share seeds and "
            "rows, so they can differ although their intervals overlap: groups use paired differences."
        )
    else:
        parts.append("Test log loss of each variant. One seed gives no interval: the order may be chance.")
    if outside:
        named = ", ".join(f"{row.name} ({row.mean:{'+' if paired else ''}.4f})" for row in outside)
        parts.append(f"Arrows point to rows beyond the right edge: {named}.")
    if metrics.baselines:
        parts.append("Hollow points below the dashes are non-neural baselines, shown for scale and not ranked.")
    return " ".join(parts)


def _in_words(metrics: Metrics, baselines: Sequence[Row]) -> str:
    losses = {name: metrics.variants[name].log_loss.mean for name in metrics.verdict.ranking}
    text = f"Ranking by test log loss, best first: {drawing.listing(losses)}."
    if baselines:
        of_baselines = {row.name: metrics.baselines[row.name].log_loss.mean for row in baselines}
        text += f" Not ranked: {drawing.listing(of_baselines)}."
    return text
