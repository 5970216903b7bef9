"""The forest plot."""

from overfitting.report.figures import drawing
from overfitting.report.figures.forest import forest
from tests.builders.metrics import BASELINES, ORDER, edited, invented
from tests.report.figures.drawn import legend_is_clear, names_on, points


def test_rows_are_paired_differences_with_intervals_best_on_top():
    metrics = invented()
    axes = forest(metrics).figure.axes[0]
    assert names_on(axes) == ORDER
    spans = [(line.get_xdata(), line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 2]
    for row, name in enumerate(ORDER):
        if name == "large":
            assert (0.0, -row) in points(axes)
            continue
        found = metrics.variants[name].difference
        assert (found.mean, -row) in points(axes)
        assert any(list(x) == [found.ci_low, found.ci_high] and y == -row for x, y in spans)


def test_without_large_rows_are_losses():
    metrics = invented(3, ["l2", "own"], BASELINES)
    axes = forest(metrics).figure.axes[0]
    assert (metrics.variants["own"].log_loss.mean, -1) in points(axes)
    assert axes.get_xlabel().startswith("test log loss\n")


def test_baselines_are_below_and_hollow():
    metrics = invented(3, ORDER, BASELINES)
    axes = forest(metrics).figure.axes[0]
    assert names_on(axes)[:4] == ORDER
    assert set(names_on(axes)[4:]) == set(BASELINES)
    faces = {y: line.get_markerfacecolor() for (_, y), line in points(axes).items()}
    assert {faces[y] for y in faces if y < -3.5} == {drawing.PAPER}
    assert drawing.PAPER not in {faces[y] for y in faces if y > -3.5}


def distant(off, *differences):
    """Results with these differences to large, and `off` of the last variant."""
    names = [f"v{index}" for index in range(len(differences))]
    values = {}
    for name, mean in [*zip(names, differences, strict=True), ("last_epoch", off)]:
        path = f"variants__{name}__difference_to_large__test_log_loss"
        values |= {f"{path}__mean": mean, f"{path}__ci_low": mean - 0.004, f"{path}__ci_high": mean + 0.004}
    return edited(invented(3, [*names, "large", "last_epoch"]), **values)


def test_a_row_far_off_does_not_squeeze_the_others_and_is_named():
    picture = forest(distant(1.03, -0.03, -0.01, 0.002, 0.02))
    low, high = picture.figure.axes[0].get_xlim()
    assert -0.06 < low < -0.034
    assert 0.024 < high < 0.2
    assert "last_epoch (+1.0300)" in picture.caption
    assert "+1.0300" in [text.get_text() for text in picture.figure.axes[0].texts]


def test_rows_that_are_near_or_better_are_never_left_out():
    for metrics in (
        distant(0.03, -0.03, -0.01),
        distant(0.001, -0.5, -0.001),
        distant(0.0),
        invented(2, ["l2", "large"]),
    ):
        picture = forest(metrics)
        low, high = picture.figure.axes[0].get_xlim()
        means = [variant.difference.mean for variant in metrics.variants.values() if variant.difference]
        assert all(low < mean < high for mean in means)
        assert "edge" not in picture.caption


def test_the_caption_says_that_one_seed_gives_no_interval():
    assert "no interval" in forest(invented(1)).caption
    assert "no interval" not in forest(invented(2)).caption


def test_the_legend_names_large_only_if_it_ran():
    def legend(metrics):
        return " ".join(text.get_text() for text in forest(metrics).figure.legends[0].get_texts())

    assert "better than large" in legend(invented())
    assert "large" not in legend(invented(2, ["l2", "own"]))


def test_the_legend_covers_no_data(tmp_path):
    assert legend_is_clear(forest(invented()).figure, tmp_path / "figure.png")
