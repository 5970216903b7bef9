"""What data is worth: test log loss by number of training rows, and how many rows `large` needs for the same."""

import itertools

import numpy as np
from matplotlib.axes import Axes

from overfitting.evaluation.colours import AMBER, BLUE, GREEN, GREY, INK, PURPLE, VERMILION
from overfitting.evaluation.language import joined, say, translated
from overfitting.evaluation.learning_curve import LearningCurve, Point, Worth, rows_in_words
from overfitting.evaluation.results import REFERENCE
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import DASHED, SOFT, Picture

REMEDIES = (VERMILION, BLUE, GREEN, PURPLE, AMBER)  # one after the other
TITLES = {"early": "early: best epoch", "late": "late: last epoch", "worth": "worth in rows"}


@drawing.styled
def sizes(curve: LearningCurve | None) -> Picture | None:
    """A panel for each question, and one for what remedies are worth; None without a learning curve."""
    if curve is None:
        return None
    colours = _colours(curve)
    names = [name for name in TITLES if name != "worth" or REFERENCE in curve.variants]
    figure, panels = drawing.grid(len(names), shared=False)
    for axes, name in zip(panels, names, strict=True):
        _worths(axes, curve, colours) if name == "worth" else _losses(axes, curve, name, colours)
        drawing.title(axes, TITLES[name])
        axes.set(xscale="log", xlabel="training rows")
        axes.set_xticks(curve.sizes, list(map(_short, curve.sizes)))
        axes.minorticks_off()
    drawing.legend(figure, figure.axes[0])

    def texts() -> tuple[str, str]:
        caption = say(
            "A remedy can be compared with more data. All sizes train for {steps:,} steps, so the more rows there are, "
            "the less often each is seen. Points are means over {seeds} seeds; bars are {confidence:.0%} intervals. "
            "The last panel: the number of rows with which large, stopped early, predicts as well as a remedy does. "
            "Above the dashed line a remedy is worth more than its rows; an arrow leads beyond the sizes that were "
            "tried.",
            steps=curve.steps, seeds=len(curve.seeds), confidence=curve.confidence,
        )  # fmt: skip
        return caption, joined(*(_in_words(curve, name) for name in names))

    return Picture("sizes", "What data is worth", figure, texts)


def _colours(curve: LearningCurve) -> dict[str, str]:
    remedies = itertools.cycle(REMEDIES)
    fixed = {REFERENCE: INK, "tiny": GREY}
    return {
        name: fixed.get(name) or (next(remedies) if points[0].late else SOFT) for name, points in curve.variants.items()
    }


def _losses(axes: Axes, curve: LearningCurve, phase: str, colours: dict[str, str]) -> None:
    for name, points in curve.variants.items():
        found = [estimate for point in points if (estimate := point.early if phase == "early" else point.late)]
        if not found:
            continue  # a baseline has no late weights
        means = np.array([estimate.mean for estimate in found])
        low, high = np.array([estimate.interval for estimate in found]).T
        axes.errorbar(
            curve.sizes, means, (means - low, high - means), fmt="o-", color=colours[name], markersize=3,
            linewidth=1.3, elinewidth=0.7, label=name, zorder=3 if name == REFERENCE else 2,
        )  # fmt: skip
    axes.set_ylabel("test log loss")


def _worths(axes: Axes, curve: LearningCurve, colours: dict[str, str]) -> None:
    remedies = [name for name in curve.variants if name != REFERENCE]
    for place, name in enumerate(remedies):
        shift = 1.06 ** (place - (len(remedies) - 1) / 2)  # so that intervals do not cover one another
        for size, point in zip(curve.sizes, curve.variants[name], strict=True):
            if point.worth:
                _worth(axes, curve, size * shift, point.worth, colours[name])
    axes.plot(curve.sizes, curve.sizes, color=GREY, linewidth=1, linestyle=DASHED, zorder=1)
    axes.set(yscale="log", ylabel="rows of large")
    axes.set_yticks(curve.sizes, list(map(_short, curve.sizes)))


def _worth(axes: Axes, curve: LearningCurve, x: float, worth: Worth, colour: str) -> None:
    bottom, top = curve.sizes[0], curve.sizes[-1]
    low, high = max(worth.low, bottom) if worth.low is not None else top, worth.high or top
    axes.plot([x, x], [low, high], color=colour, linewidth=0.7)
    if worth.rows:
        axes.plot(x, worth.rows, "o", color=colour, markersize=3)
    for value, end, tip in ((worth.low, bottom, "v"), (worth.high, top, "^")):
        if not value:  # beyond that end
            axes.plot(x, end, tip, color=colour, markersize=3, clip_on=False)


def _short(rows: int) -> str:
    """A number of rows that fits below an axis, such as 10k."""
    return f"{rows // 1000}k" if rows >= 1000 and rows % 1000 == 0 else f"{rows:,}"


def _in_words(curve: LearningCurve, name: str) -> str:
    def value(point: Point) -> str:
        if name == "worth":
            return rows_in_words(curve, point.worth.rows) if point.worth else ""
        found = point.early if name == "early" else point.late
        return f"{found.mean:.3f}" if found else ""

    values = {variant: ", ".join(filter(None, map(value, points))) for variant, points in curve.variants.items()}
    listed = "; ".join(f"{variant} {found}" for variant, found in values.items() if found)
    rows = ", ".join(f"{size:,}" for size in curve.sizes)
    return say("{title}, with {rows} rows: {values}.", title=translated(TITLES[name]), rows=rows, values=listed)
