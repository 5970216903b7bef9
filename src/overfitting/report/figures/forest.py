"""Forest plots of both questions: late and early differences to `large` with their intervals, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import sub
from typing import Any

from matplotlib.axes import Axes

from overfitting.evaluation.colours import BLUE, GREEN, GREY, INK, VERMILION
from overfitting.evaluation.language import joined, say, translated
from overfitting.evaluation.results import REFERENCE, Baseline, Metrics, Phase, Scores, Status
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import LINE, Picture

LOOKS: dict[Status, tuple[str, str]] = {  # colour and marker
    "better": (GREEN, "o"),
    "equivalent": (BLUE, "s"),
    "undecided": (GREY, "D"),
    "one seed": (GREY, "D"),
    "worse": (VERMILION, "v"),
    "reference": (INK, "P"),
}
QUESTIONS: dict[Phase, tuple[str, str]] = {
    "late": ("Does it prevent overfitting?", "late difference to large\n← better · worse →"),
    "early": ("Does it beat stopping early?", "early difference to large\n← better · worse →"),
}
STOPPED = "early stopping"
ROW, MARGINS = 0.22, 1.05  # inches: height of a row, and of everything above and below the rows
FAR = 4  # times the usual size: anything further off is cut, so that it does not squeeze the rest


@dataclass(frozen=True)
class Row:
    """One row, as the page's script has it; both ends of the interval are the mean if there is none."""

    name: str
    mean: float
    interval: tuple[float, float]
    status: Status
    baseline: bool = False


@drawing.styled
def forest(metrics: Metrics) -> Picture:
    """Differences of test log loss to `large` for both questions, or the losses if `large` did not run."""
    sides, heights = {phase: rows(metrics, phase) for phase in QUESTIONS}, _heights(metrics)
    figure, panels = drawing.row(MARGINS - ROW * min(heights.values()), 2)
    for axes, phase in zip(panels, QUESTIONS, strict=True):
        _draw(axes, metrics, phase, sides[phase], heights)

    def texts() -> tuple[str, str]:
        said = (f"{say(title)} {_in_words(sides[phase])}" for phase, (title, _) in QUESTIONS.items())
        return _caption(metrics), " ".join(said)

    return Picture("forest", "Both questions", figure, texts)


def rows(metrics: Metrics, phase: Phase) -> list[Row]:
    """Rows of a question: early stopping (late only), the variants, the baselines (early only)."""
    scores: dict[str, Scores] = {name: metrics.variants[name].scores(phase) for name in metrics.verdict.ranking}
    if phase == "early":
        scores |= metrics.ranked_baselines
    found, stopped = [], metrics.early_stopping
    if phase == "late" and stopped:
        found.append(Row(STOPPED, stopped.mean, stopped.interval, stopped.status))
    for name, of in scores.items():
        shown = of.difference if REFERENCE in metrics.variants else of.log_loss
        mean, interval = (shown.mean, shown.interval) if shown else (0.0, (0.0, 0.0))
        found.append(Row(name, mean, interval, of.status, isinstance(of, Baseline)))
    return found


def _heights(metrics: Metrics) -> dict[str, float]:
    """Height of each row, 0 and below, with a gap between blocks."""
    blocks: dict[str, str] = {STOPPED: "ranked"} if metrics.early_stopping else {}
    blocks |= {name: metrics.variants[name].block for name in metrics.verdict.ranking}
    blocks |= dict.fromkeys(metrics.ranked_baselines, "baseline")
    steps = (1.0 if above == below else 1.5 for above, below in pairwise(blocks.values()))
    return dict(zip(blocks, accumulate(steps, sub, initial=0.0), strict=True))


def _draw(axes: Axes, metrics: Metrics, phase: Phase, rows: Sequence[Row], heights: Mapping[str, float]) -> None:
    (title, label), paired = QUESTIONS[phase], REFERENCE in metrics.variants
    low, high = limits(rows, paired)
    axes.set_yticks(list(heights.values()), [drawing.shortened(name, 26) for name in heights])
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.set(xlim=(low, high), ylim=(min(heights.values()) - 0.6, 0.6))
    axes.locator_params(axis="x", nbins=4)
    if paired:
        margin = metrics.run.margin
        axes.axvspan(max(-margin, low), min(margin, high), color=LINE, alpha=0.6, linewidth=0, zorder=0)
        axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for row in rows:
        _draw_row(axes, heights[row.name], row, "+" if paired else "")
    axes.set_title(title, fontsize=8.5)
    axes.set_xlabel(label if paired else f"{phase} test log loss\n← better", fontsize=8)


def limits(rows: Sequence[Row], paired: bool) -> tuple[float, float]:
    """Limits of the axis: rows much worse than all others may lie outside, better ones never do."""
    origin = 0.0 if paired else min(row.mean for row in rows)
    off = sorted(abs(row.mean - origin) for row in rows if row.mean != origin) or [0.0]
    half = sorted((high - low) / 2 for low, high in (row.interval for row in rows))
    better = origin - min(row.mean for row in rows)
    reach = max(1.5 * better, FAR * off[(len(off) - 1) // 2], FAR * half[len(half) // 2], 1e-6)
    near = [row for row in rows if row.mean - origin <= reach]
    low = max(origin - 2 * reach, min(row.interval[0] for row in near))
    high = min(origin + reach, max(row.interval[1] for row in near))
    margin = 0.06 * (high - low) or 0.01
    return low - margin, high + margin


def _draw_row(axes: Axes, height: float, row: Row, sign: str) -> None:
    (low, high), (start, end), (colour, marker) = axes.get_xlim(), row.interval, LOOKS[row.status]
    value = "0" if row.status == "reference" and sign else f"{row.mean:{sign}.3f}".replace("-", "−")
    place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center_baseline"}
    axes.text(1.08, height, value, color=colour, fontsize=8, **place)
    if row.mean > high:  # beyond the edge: an arrowhead there, and no line that would seem to reach 0
        axes.plot(high, height, ">", color=colour, markersize=6, clip_on=False)
        return
    if start < end:
        axes.plot([max(start, low), min(end, high)], [height] * 2, color=colour, linewidth=1.6)
    for edge, tip, is_beyond in ((low, "<", start < low), (high, ">", end > high)):
        if is_beyond:
            axes.plot(edge, height, tip, color=colour, markersize=5, clip_on=False)
    face = drawing.PAPER if row.baseline else colour
    axes.plot(row.mean, height, marker, color=colour, markerfacecolor=face, markersize=5, zorder=3)


def _caption(metrics: Metrics) -> str:
    if REFERENCE not in metrics.variants:
        return say("Test log loss with late and early weights: mean over the seeds, with its interval.")
    return joined(
        say(
            "Left of the line is better than large: the first plot has the weights of the last epoch, the second those "
            "of the best epoch. The scales differ."
        ),
        say(
            "Differences are paired by seed and test row. The {confidence:.0%} intervals of a question hold "
            "together. The shaded band is the margin of {margin:g}: an interval inside it is equivalent.",
            confidence=metrics.run.confidence, margin=metrics.run.margin,
        ) if len(metrics.run.seeds) > 1 else say("One seed gives no interval and decides nothing."),
        say(
            "Hollow points are non-neural baselines, shown for scale. A triangle at the edge lies beyond it."
        ) if metrics.baselines else "",
    )  # fmt: skip


def _in_words(rows: Sequence[Row]) -> str:
    return "; ".join(f"{row.name} {row.mean:+.4f}, {translated(row.status)}" for row in rows) + "."
