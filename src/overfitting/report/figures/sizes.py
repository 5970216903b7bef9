"""What data is worth: test log loss by number of training rows, and how many rows `large` needs for the same."""

import itertools

import numpy as np
from matplotlib.axes import Axes

from overfitting.evaluation.colours import AMBER, BLUE, GREEN, GREY, INK, PURPLE, VERMILION
from overfitting.evaluation.language import joined, say, translated
from overfitting.evaluation.learning_curve import LearningCurve, Point, rows_in_words
from overfitting.evaluation.results import REFERENCE
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import SOFT, Picture

REMEDIES = (VERMILION, BLUE, GREEN, PURPLE, AMBER)  # one after the other
TITLES = {"early": "early: best epoch", "late": "late: last epoch", "worth": "worth in rows"}


@drawing.styled
def sizes(curve: LearningCurve | None) -> Picture | None:
    """A panel for each question, and one for what remedies are worth; None without a learning curve."""
    if curve is None:
        return None
    colours = _colours(curve)
    panels = [name for name in TITLES if name != "worth" or REFERENCE in curve.variants]

    def draw(axes: Axes, name: str) -> None:
        _worth(axes, curve, colours) if name == "worth" else _losses(axes, curve, name, colours)
        drawing.title(axes, TITLES[name])
        axes.set(xscale="log", xlabel="training rows")
        axes.set_xticks(curve.sizes, list(map(_short, curve.sizes)))
        axes.minorticks_off()

    figure = drawing.grid(panels, draw, shared=False)
    drawing.legend(figure, figure.axes[0])
    caption = say(
        "A remedy can be compared with more data. All sizes train for {steps:,} steps, so the more rows there are, the "
        "less often each is seen. Points are means over {seeds} seeds; bars are {confidence:.0%} intervals. The last "
        "panel: the number of rows with which large, stopped early, predicts as well as a remedy does. Above the "
        "dashed line a remedy is worth more than its rows; an arrow leads beyond the sizes that were tried.",
        steps=curve.steps, seeds=len(curve.seeds), confidence=curve.confidence,
    )  # fmt: skip
    said = joined(*(_in_words(curve, name) for name in panels))
    return Picture("sizes", say("What data is worth"), figure, caption, said)


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


def _worth(axes: Axes, curve: LearningCurve, colours: dict[str, str]) -> None:
    bottom, top = curve.sizes[0], curve.sizes[-1]
    remedies = [name for name in curve.variants if name != REFERENCE]
    for place, name in enumerate(remedies):
        known = [(size, point.worth) for size, point in zip(curve.sizes, curve.variants[name], strict=True)]
        shift = 1.06 ** (place - (len(remedies) - 1) / 2)  # so that intervals do not cover one another
        for size, worth in known:
            if worth is None:
                continue
            low, high = max(worth.low or 0, bottom) if worth.low is not None else top, worth.high or top
            axes.plot([size * shift] * 2, [low, high], color=colours[name], linewidth=0.7)
            if worth.rows:
                axes.plot(size * shift, worth.rows, "o", color=colours[name], markersize=3)
            for value, end, tip in ((worth.low, bottom, "v"), (worth.high, top, "^")):
                if not value:  # beyond that end
                    axes.plot(size * shift, end, tip, color=colours[name], markersize=3, clip_on=False)
    axes.plot(curve.sizes, curve.sizes, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.set(yscale="log", ylabel="rows of large")
    axes.set_yticks(curve.sizes, list(map(_short, curve.sizes)))


def _short(rows: int) -> str:
    """A number of rows that fits below an axis, such as 10k."""
    return f"{rows // 1000}k" if rows >= 1000 and rows % 1000 == 0 else f"{rows:,}"


def _in_words(curve: LearningCurve, name: str) -> str:
    def value(point: Point) -> str:
        if name != "worth":
            found = point.early if name == "early" else point.late
            return f"{found.mean:.3f}" if found else ""
        return rows_in_words(curve, point.worth.rows) if point.worth else ""

    values = {variant: ", ".join(filter(None, map(value, points))) for variant, points in curve.variants.items()}
    listed = "; ".join(f"{variant} {found}" for variant, found in values.items() if found)
    rows = ", ".join(f"{size:,}" for size in curve.sizes)
    return say("{title}, with {rows} rows: {values}.", title=translated(TITLES[name]), rows=rows, values=listed)
