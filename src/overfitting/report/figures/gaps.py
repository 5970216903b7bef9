"""Generalisation gaps: bars for the early and the late weights."""

from collections.abc import Sequence

from overfitting.evaluation.language import joined, say
from overfitting.evaluation.results import Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import BLUE, FAR, SOFT, VERMILION, Picture


@drawing.styled
def gaps(metrics: Metrics) -> Picture | None:
    """Test minus training log loss of each variant; None if only ensembles ran."""
    trained = metrics.trained
    if not trained:
        return None
    heights = list(range(0, -len(trained), -1))
    figure, sides = drawing.beside(0.9 + 0.24 * len(trained))
    best = {name: training.early.gap.mean for name, training in trained.items()}
    last = {name: training.late.gap.mean for name, training in trained.items()}
    cut: list[str] = []
    for axes, means, colour, label in zip(
        sides, (best, last), (BLUE, VERMILION), ("early: best epoch", "late: last epoch"), strict=True
    ):
        longest = _longest(list(means.values()))
        axes.barh(heights, [min(mean, longest) for mean in means.values()], 0.62, color=colour, label=label)
        for height, mean in zip(heights, means.values(), strict=True):
            text = f"{mean:.3f}".replace("-", "−") + (" →" if mean > longest else "")
            end = (min(max(mean, 0.0), longest), height)
            axes.annotate(text, end, (3, 0), textcoords="offset points", va="center_baseline", fontsize=8)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set_xlim(min(0.0, *means.values()) * 1.1, 1.45 * longest)
        axes.set_title(label, color=colour)
        axes.locator_params(axis="x", nbins=3)
        drawing.name_rows(axes, list(means), heights)
        cut += [name for name, mean in means.items() if mean > longest]
    figure.supxlabel("test minus training log loss", fontsize=9)
    caption = joined(
        say(
            "A short bar on the right means that the remedy works without early stopping. Gaps are measured on all "
            "training and test rows, without dropout and without penalty. The two sides have different scales."
        ),
        say("Bars with an arrow are longer than shown: {names}.", names=", ".join(dict.fromkeys(cut))) if cut else "",
    )
    alternative = say(
        "Gap at the best epoch: {best}. Gap at the last epoch: {last}.",
        best=drawing.listing(best, digits=3),
        last=drawing.listing(last, digits=3),
    )
    return Picture("gaps", say("Generalisation gap"), figure, caption, alternative)


def _longest(means: Sequence[float]) -> float:
    """Length of the longest bar; a single bar that is much longer than all others is cut off."""
    longest, *others = sorted(means, reverse=True)
    if len(others) > 2 and others[0] > 0 and longest > FAR * others[0]:
        return 1.3 * others[0]
    return max(longest, 1e-6)
