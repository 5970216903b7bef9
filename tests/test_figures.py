"""The figures draw the numbers of results/metrics.json and the curves, and say what they leave out."""

import numpy as np
import pandas as pd
import pytest

from overfitting.figures import MOST_POINTS, forest, gaps, ladder, learning_curves, pictures
from overfitting.report import write
from tests.test_report import ORDER, curves, invented


def lines(axes, label):
    return [line for line in axes.lines if line.get_label() == label]


def names_on(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def flat(variants, seeds, epochs, train=0.6, validation=0.6):
    rows = [(v, s, e, train, validation) for v in variants for s in range(seeds) for e in range(1, epochs + 1)]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "train_log_loss", "val_log_loss"])


def test_forest_shows_means_and_intervals_best_on_top():
    metrics = invented()
    axes = forest(metrics).figure.axes[0]
    assert names_on(axes) == ORDER[::-1]
    drawn = [(line.get_xdata(), line.get_ydata()) for line in axes.lines]
    for height, name in enumerate(reversed(ORDER)):
        found = metrics["variants"][name]["test_log_loss"]
        assert any(np.array_equal(x, [found["mean"]]) and np.array_equal(y, [height]) for x, y in drawn)
        assert any(np.array_equal(x, [found["ci_low"], found["ci_high"]]) and y[0] == height for x, y in drawn)


def test_one_seed_is_said_to_give_no_interval():
    assert "no interval" in forest(invented(1)).caption
    assert "no interval" not in forest(invented(2)).caption


def test_legend_names_large_only_where_it_ran():
    def legend(metrics):
        return " ".join(text.get_text() for text in forest(metrics).figure.legends[0].get_texts())

    assert "better than large" in legend(invented())
    assert "large" not in legend(invented(2, ["l2", "own"]))


def test_gap_bars_are_as_long_as_the_gaps():
    metrics = invented()
    axes = gaps(metrics).figure.axes[0]
    widths = [[bar.get_width() for bar in group] for group in axes.containers]
    for drawn, key in zip(widths, ("gap_best", "gap_last"), strict=True):
        assert drawn == [metrics["variants"][name][key]["mean"] for name in reversed(ORDER)]


def test_ladder_climbs_the_sizes_that_ran():
    metrics = invented()
    line = lines(ladder(metrics).figure.axes[0], "validation, last epoch")[0]
    assert list(line.get_xdata()) == [metrics["variants"][name]["parameters"] for name in ("tiny", "large")]
    expected = [metrics["variants"][name]["val_log_loss_last"]["mean"] for name in ("tiny", "large")]
    assert list(line.get_ydata()) == expected
    assert [picture.name for picture in pictures(invented(2, ["large", "l2"]), flat(["large", "l2"], 2, 3))] == [
        "forest",
        "curves",
        "gaps",
    ]


def test_the_mean_curve_ends_where_the_first_seed_does():
    metrics = invented(2, ["l2"])
    table = flat(["l2"], 2, 9)
    table = table[(table["seed"] == 0) | (table["epoch"] <= 5)].copy()
    table["val_log_loss"] += 0.1 * table["seed"]
    line = lines(learning_curves(metrics, table).figure.axes[0], "validation")[0]
    assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(line.get_ydata(), 0.65)


def test_best_epochs_are_marked_where_they_are_however_long_training_is():
    metrics = invented(2, ["l2"])
    table = flat(["l2"], 2, 5000)
    table.loc[(table["seed"] == 0) & (table["epoch"] == 3001), "val_log_loss"] = 0.5
    table.loc[(table["seed"] == 1) & (table["epoch"] == 77), "val_log_loss"] = 0.4
    axes = learning_curves(metrics, table).figure.axes[0]
    marks = lines(axes, "best epoch of a seed")[0]
    assert sorted(zip(marks.get_xdata(), marks.get_ydata(), strict=True)) == [(77, 0.4), (3001, 0.5)]
    validation = lines(axes, "validation")[0].get_xdata()
    assert (validation[0], validation[-1]) == (1, 5000)
    assert len(validation) <= MOST_POINTS


def test_what_runs_away_neither_squashes_the_rest_nor_goes_unsaid():
    metrics = invented(2, ["l2", "large"])
    table = flat(["l2", "large"], 2, 50)
    runaway = (table["variant"] == "large") & (table["epoch"] > 10)
    table.loc[runaway, ["train_log_loss", "val_log_loss"]] = [0.0001, 2.45]
    picture = learning_curves(metrics, table)
    low, high = picture.figure.axes[0].get_ylim()
    assert 0.2 < low < 0.6 < high < 1
    assert "cut off there: large." in picture.caption
    assert f"{high:.2f}" in picture.caption
    assert "cut off" not in learning_curves(metrics, flat(["l2", "large"], 2, 50)).caption


@pytest.mark.parametrize("number", [1, 2, 4, 5, 7, 9, 30])
def test_every_panel_can_be_read(number, tmp_path):
    names = [f"a_variant_with_quite_a_long_name_{index}" for index in range(number)]
    figure = learning_curves(invented(1, names), flat(names, 1, 12)).figure
    figure.savefig(tmp_path / "curves.png")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == number
    boxes = [axes.title.get_window_extent() for axes in shown]
    assert not any(a.overlaps(b) for index, a in enumerate(boxes) for b in boxes[:index])
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    lowest = {round(axes.get_position().x0, 3): axes for axes in sorted(shown, key=lambda a: -a.get_position().y0)}
    assert all(any(label.get_visible() for label in axes.get_xticklabels()) for axes in lowest.values())


@pytest.mark.parametrize("draw", [forest, gaps, ladder])
def test_the_legend_covers_no_data(draw, tmp_path):
    figure = draw(invented()).figure
    figure.savefig(tmp_path / "figure.png")
    assert not figure.legends[0].get_window_extent().overlaps(figure.axes[0].get_window_extent())


def test_one_epoch_is_enough(tmp_path):
    metrics = invented(1, ["l2", "large"])
    write(metrics, flat(["l2", "large"], 1, 1), tmp_path)
    assert (tmp_path / "figures" / "curves.svg").is_file()


def test_every_picture_says_what_to_see_and_what_it_shows():
    metrics = invented()
    for picture in pictures(metrics, curves(metrics)):
        assert len(picture.caption) > 60
        assert all(name in picture.alternative for name in (ORDER if picture.name != "capacity" else ["tiny", "large"]))
