"""Forest plots of both questions: late and early differences to `large` with their intervals, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from overfitting.evaluation.colours import BLUE, GREEN, GREY, INK, VERMILION
from overfitting.evaluation.language import joined, say, translated
from overfitting.evaluation.results import REFERENCE, Estimate, Metrics, Phase, Status
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import FAR, LINE, Picture

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


@dataclass(frozen=True)
class Row:
    """One row; `low` and `high` are the ends of the interval, both the mean if there is none."""

    name: str
    mean: float
    low: float
    high: float
    status: Status
    is_baseline: bool = False


@drawing.styled
def forest(metrics: Metrics) -> Picture:
    """Differences of test log loss to `large` for both questions, or the losses if `large` did not run."""
    sides = {phase: rows(metrics, phase) for phase in QUESTIONS}
    heights = _heights(metrics, _names(metrics))
    figure, both = drawing.beside(MARGINS + ROW * -min(heights.values()))
    for axes, phase in zip(both, QUESTIONS, strict=True):
        _draw(axes, metrics, phase, sides[phase], heights)
    said = [f"{say(title)} {_in_words(sides[phase])}" for phase, (title, _) in QUESTIONS.items()]
    return Picture("forest", say("Both questions"), figure, _caption(metrics), " ".join(said))


def _names(metrics: Metrics) -> list[str]:
    stopped = [STOPPED] if metrics.early_stopping else []
    return [*stopped, *metrics.verdict.ranking, *metrics.ranked_baselines]


def rows(metrics: Metrics, phase: Phase) -> list[Row]:
    """Rows of a question: early stopping (late only), the variants, the baselines (early only)."""
    paired = REFERENCE in metrics.variants
    found = []
    if phase == "late" and metrics.early_stopping:
        found.append(_row(STOPPED, metrics.early_stopping, metrics.early_stopping.status))
    for name in metrics.verdict.ranking:
        scores = metrics.variants[name].scores(phase)
        shown = scores.difference if paired else scores.log_loss
        found.append(_row(name, shown, scores.status) if shown else Row(name, 0.0, 0.0, 0.0, "reference"))
    if phase == "early":
        for name, baseline in metrics.ranked_baselines.items():
            shown = baseline.difference if paired else baseline.log_loss
            found.append(_row(name, shown or baseline.log_loss, baseline.status, is_baseline=True))
    return found


def _row(name: str, found: Estimate, status: Status, is_baseline: bool = False) -> Row:
    return Row(name, found.mean, *found.interval, status, is_baseline)


def _heights(metrics: Metrics, names: Sequence[str]) -> dict[str, float]:
    """Height of each row, with a gap between blocks."""
    heights: dict[str, float] = {}
    height, last = 0.0, ""
    for name in names:
        block = metrics.variants[name].block if name in metrics.variants else "baseline"
        block = "ranked" if name == STOPPED else block
        height -= (1.0 if heights else 0.0) + (0.5 if last and block != last else 0.0)
        heights[name], last = height, block
    return heights


def _draw(axes: Axes, metrics: Metrics, phase: Phase, rows: Sequence[Row], heights: dict[str, float]) -> None:
    title, label = QUESTIONS[phase]
    paired = REFERENCE in metrics.variants
    drawing.name_rows(axes, list(heights), list(heights.values()))
    low, high = limits(rows, paired)
    axes.set_xlim(low, high)
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
    half = sorted((row.high - row.low) / 2 for row in rows)
    better = origin - min(row.mean for row in rows)
    reach = max(1.5 * better, FAR * off[(len(off) - 1) // 2], FAR * half[len(half) // 2], 1e-6)
    near = [row for row in rows if row.mean - origin <= reach]
    low, high = min(row.low for row in near), max(row.high for row in near)
    low, high = max(origin - 2 * reach, low), min(origin + reach, high)
    margin = 0.06 * (high - low) or 0.01
    return low - margin, high + margin


def _draw_row(axes: Axes, height: float, row: Row, sign: str) -> None:
    low, high = axes.get_xlim()
    colour, marker = LOOKS[row.status]
    value = "0" if row.status == "reference" and sign else f"{row.mean:{sign}.3f}".replace("-", "−")
    place: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "color": colour,
        "fontsize": 8,
        "va": "center_baseline",
    }
    axes.text(1.08, height, value, **place)
    if row.mean > high:  # beyond the edge: an arrowhead there, and no line that would seem to reach 0
        axes.plot(high, height, ">", color=colour, markersize=6, clip_on=False)
        return
    if row.low < row.high:
        axes.plot([max(row.low, low), min(row.high, high)], [height] * 2, color=colour, linewidth=1.6)
    for end, tip, is_beyond in ((low, "<", row.low < low), (high, ">", row.high > high)):
        if is_beyond:
            axes.plot(end, height, tip, color=colour, markersize=5, clip_on=False)
    face = drawing.PAPER if row.is_baseline else colour
    axes.plot(row.mean, height, marker, color=colour, markerfacecolor=face, markersize=5, zorder=3)


def _caption(metrics: Metrics) -> str:
    run = metrics.run
    if REFERENCE not in metrics.variants:
        return say("Test log loss with late and early weights: mean over the seeds, with its interval.")
    parts = [
        say(
            "Left of the line is better than large: the first plot has the weights of the last epoch, the second those "
            "of the best epoch. The scales differ."
        )
    ]
    if len(run.seeds) > 1:
        parts.append(
            say(
                "Differences are paired by seed and test row. The {confidence:.0%} intervals of a question hold "
                "together. The shaded band is the margin of {margin:g}: an interval inside it is equivalent.",
                confidence=run.confidence,
                margin=run.margin,
            )
        )
    else:
        parts.append(say("One seed gives no interval and decides nothing."))
    if metrics.baselines:
        parts.append(
            say("Hollow points are non-neural baselines, shown for scale. A triangle at the edge lies beyond it.")
        )
    return joined(*parts)


def _in_words(rows: Sequence[Row]) -> str:
    return "; ".join(f"{row.name} {row.mean:+.4f}, {translated(row.status)}" for row in rows) + "."
