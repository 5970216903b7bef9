"""The learning curves, and log loss by number of parameters."""

import numpy as np
import pytest

from overfitting.report.figures.curves import MOST_POINTS, capacity, learning_curves
from tests.builders.metrics import curves, flat_curves, invented
from tests.report.figures.drawn import legend_is_clear, lines, panels_are_readable


def test_the_mean_curve_ends_where_the_first_seed_does():
    metrics = invented(2, ["l2"])
    table = flat_curves(["l2"], 2, 9)
    table = table[(table["seed"] == 0) | (table["epoch"] <= 5)].copy()
    table["val_log_loss"] += 0.1 * table["seed"]
    line = lines(learning_curves(metrics, table).figure.axes[0], "validation")[0]
    assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(line.get_ydata(), 0.65)


def test_best_epochs_are_marked_exactly_however_long_the_training_is():
    metrics = invented(2, ["l2"])
    table = flat_curves(["l2"], 2, 5000)
    table.loc[(table["seed"] == 0) & (table["epoch"] == 3001), "val_log_loss"] = 0.5
    table.loc[(table["seed"] == 1) & (table["epoch"] == 77), "val_log_loss"] = 0.4
    axes = learning_curves(metrics, table).figure.axes[0]
    marks = lines(axes, "best epoch of a seed")[0]
    assert sorted(zip(marks.get_xdata(), marks.get_ydata(), strict=True)) == [(77, 0.4), (3001, 0.5)]
    assert axes.get_xscale() == "log"
    validation = lines(axes, "validation")[0].get_xdata()
    assert (validation[0], validation[-1]) == (1, 5000)
    assert len(validation) <= MOST_POINTS


def overfitted(loss):
    """Curves of which those of large end at that validation loss."""
    table = flat_curves(["l2", "large"], 2, 50)
    late = (table["variant"] == "large") & (table["epoch"] > 10)
    table.loc[late, ["train_log_loss", "val_log_loss"]] = [0.0001, loss]
    return table


def test_the_axis_shows_all_of_the_overfitting():
    picture = learning_curves(invented(2, ["l2", "large"]), overfitted(2.45))
    low, high = picture.figure.axes[0].get_ylim()
    assert low < 0 < 2.45 < high
    assert "Cut off" not in picture.caption


def test_a_diverging_curve_does_not_squeeze_the_others_and_is_named():
    picture = learning_curves(invented(2, ["l2", "large"]), overfitted(1000.0))
    high = picture.figure.axes[0].get_ylim()[1]
    assert 3 < high < 4
    assert f"Cut off above {high:.1f}: large." in picture.caption


@pytest.mark.parametrize("number", [1, 2, 5, 7, 20])
def test_every_panel_is_readable(number, tmp_path):
    names = [f"a_variant_with_quite_a_long_name_{index}" for index in range(number)]
    picture = learning_curves(invented(1, names), flat_curves(names, 1, 12))
    assert panels_are_readable(picture, number, tmp_path / "panels.png")


def test_a_variant_without_curves_is_not_drawn():
    metrics = invented(2, ["ensemble", "l2"])
    assert len(learning_curves(metrics, curves(metrics)).figure.axes) == 1


def test_capacity_has_a_line_through_the_sizes_that_ran():
    metrics = invented()
    line = lines(capacity(metrics).figure.axes[0], "validation, last epoch")[0]
    assert list(line.get_xdata()) == [metrics.variants[name].parameters for name in ("tiny", "large")]
    expected = [metrics.trained[name].late.val_log_loss.mean for name in ("tiny", "large")]
    assert list(line.get_ydata()) == expected


def test_capacity_needs_two_sizes():
    assert capacity(invented(2, ["large", "l2"])) is None


def test_the_legend_of_capacity_covers_no_data(tmp_path):
    assert legend_is_clear(capacity(invented()).figure, tmp_path / "figure.png")
