"""The forest plots of both questions."""

import pytest

from overfitting.evaluation.colours import BLUE, GREEN, INK
from overfitting.report.figures.drawing import PAPER
from overfitting.report.figures.forest import forest
from tests.builders.metrics import BASELINES, MARGIN, ORDER, edited, invented
from tests.report.figures.drawn import names_on, points


def sides(metrics):
    """Axes of the late and the early differences."""
    return dict(zip(("late", "early"), forest(metrics).figure.axes, strict=True))


@pytest.mark.parametrize("phase", ["late", "early"])
def test_rows_are_differences_with_intervals(phase):
    metrics = invented(3, ORDER, BASELINES)
    axes, names = sides(metrics)[phase], names_on(sides(metrics)["late"])  # both sides have the names of the left one
    assert names == ["early stopping", *ORDER, *metrics.ranked_baselines]
    heights = dict(zip(names, axes.get_yticks(), strict=True))
    spans = [(list(line.get_xdata()), line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 2]
    for name, variant in metrics.variants.items():
        found = variant.scores(phase).difference
        assert ((found.mean if found else 0.0), heights[name]) in points(axes)
        if found:
            assert ([found.ci_low, found.ci_high], heights[name]) in spans


def test_early_stopping_is_a_row_of_the_first_question_alone():
    metrics = invented()
    drawn = {phase: {height for _, height in points(axes)} for phase, axes in sides(metrics).items()}
    assert (metrics.early_stopping.mean, 0.0) in points(sides(metrics)["late"])
    assert 0.0 not in drawn["early"]


def test_the_margin_is_shaded():
    for axes in sides(invented()).values():
        [band] = [patch for patch in axes.patches if patch.get_width() > 0]
        assert (band.get_x(), band.get_width()) == pytest.approx((-MARGIN, 2 * MARGIN))


def test_statuses_have_colours_and_markers():
    values = {"variants__tiny__early__difference__status": "equivalent"}
    late, axes = sides(edited(invented(), **values)).values()
    heights = dict(zip(names_on(late), axes.get_yticks(), strict=True))
    looks = {height: (line.get_color(), line.get_marker()) for (_, height), line in points(axes).items()}
    assert looks[heights["tuned/l2"]] == (GREEN, "o")
    assert looks[heights["tiny"]] == (BLUE, "s")
    assert looks[heights["large"]] == (INK, "P")


def test_baselines_are_hollow_and_answer_the_second_question_alone():
    metrics = invented(3, ORDER, BASELINES)
    faces = {height: line.get_markerfacecolor() for (_, height), line in points(sides(metrics)["early"]).items()}
    assert list(faces.values()).count(PAPER) == 3
    assert PAPER not in {line.get_markerfacecolor() for line in points(sides(metrics)["late"]).values()}


def test_without_large_rows_are_losses():
    metrics = invented(3, ["l2", "own"], BASELINES)
    axes = sides(metrics)["late"]
    assert (metrics.variants["own"].late.log_loss.mean, -1) in points(axes)
    assert axes.get_xlabel().startswith("late test log loss\n")


def distant(off, *differences):
    """Results with these early differences to large, and `off` of the last variant."""
    names = [f"v{index}" for index in range(len(differences))]
    values = {}
    for name, mean in [*zip(names, differences, strict=True), ("far", off)]:
        path = f"variants__{name}__early__difference"
        values |= {f"{path}__mean": mean, f"{path}__ci_low": mean - 0.004, f"{path}__ci_high": mean + 0.004}
    return edited(invented(3, [*names, "large", "far"]), **values)


def test_a_row_far_off_is_an_arrowhead_at_the_edge_and_does_not_squeeze_the_others():
    axes = sides(distant(1.03, -0.03, -0.01, 0.002, 0.02))["early"]
    low, high = axes.get_xlim()
    assert -0.06 < low < -0.034
    assert 0.024 < high < 0.2
    assert "+1.030" in [text.get_text() for text in axes.texts]
    height = axes.get_yticks()[-1]
    assert points(axes)[(high, height)].get_marker() == ">"
    assert not [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_ydata()[0] == height]


def test_rows_that_are_near_or_better_are_never_left_out():
    for metrics in (distant(0.03, -0.03, -0.01), distant(0.001, -0.5, -0.001), distant(0.0)):
        low, high = sides(metrics)["early"].get_xlim()
        means = [found.early.difference.mean for found in metrics.variants.values() if found.early.difference]
        assert all(low < mean < high for mean in means)


def test_the_caption_says_what_the_intervals_are():
    assert "decides nothing" in forest(invented(1)).caption
    assert "95% intervals of a question hold together" in forest(invented(2)).caption
    assert "margin of 0.005" in forest(invented(2)).caption
