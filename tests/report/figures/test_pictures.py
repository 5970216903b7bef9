"""The figures draw the numbers of results/metrics.json and the curves, and say what they leave out."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from overfitting.report.figures import drawing
from overfitting.report.figures.forest import forest, gaps, ladder, pictures
from overfitting.report.figures.panels import MOST_POINTS, calibration, learning_curves, weights
from overfitting.report.figures.strengths import strength_paths
from overfitting.report.page import write
from tests.report.test_page import BINS, MANY, ORDER, REFERENCES, curves, invented, tuning


def lines(axes, label):
    return [line for line in axes.lines if line.get_label() == label]


def names_on(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def flat(variants, seeds, epochs, train=0.6, validation=0.6):
    rows = [(v, s, e, train, validation) for v in variants for s in range(seeds) for e in range(1, epochs + 1)]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "train_log_loss", "val_log_loss"])


def points(axes):
    """Where markers are: (x, y)."""
    drawn = [line for line in axes.lines if len(line.get_xdata()) == 1]
    return {(line.get_xdata()[0], line.get_ydata()[0]): line for line in drawn}


def test_forest_shows_paired_differences_and_intervals_best_on_top():
    metrics = invented()
    axes = forest(metrics).figure.axes[0]
    assert names_on(axes) == ORDER
    spans = [(line.get_xdata(), line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 2]
    for row, name in enumerate(ORDER):
        if name == "large":
            assert (0.0, -row) in points(axes)
            continue
        found = metrics["variants"][name]["difference_to_large"]["test_log_loss"]
        assert (found["mean"], -row) in points(axes)
        assert any(list(x) == [found["ci_low"], found["ci_high"]] and y == -row for x, y in spans)


def test_without_large_forest_shows_the_losses():
    metrics = invented(3, ["l2", "own"], REFERENCES)
    axes = forest(metrics).figure.axes[0]
    assert (metrics["variants"]["own"]["test_log_loss"]["mean"], -1) in points(axes)
    assert axes.get_xlabel().startswith("test log loss\n")


def test_what_is_no_network_is_below_and_hollow():
    metrics = invented(3, ORDER, REFERENCES)
    axes = forest(metrics).figure.axes[0]
    assert names_on(axes)[:4] == ORDER
    assert set(names_on(axes)[4:]) == set(REFERENCES)
    faces = {y: line.get_markerfacecolor() for (_, y), line in points(axes).items()}
    assert {faces[y] for y in faces if y < -3.5} == {drawing.PAPER}
    assert drawing.PAPER not in {faces[y] for y in faces if y > -3.5}


def distant(off, *differences):
    metrics = invented(3, [*(f"v{index}" for index in range(len(differences))), "large", "last_epoch"])
    for name, mean in [*zip(metrics["variants"], differences, strict=False), ("last_epoch", off)]:
        found = metrics["variants"][name]["difference_to_large"]["test_log_loss"]
        found.update(mean=mean, ci_low=mean - 0.004, ci_high=mean + 0.004)
    return metrics


def test_what_is_far_off_squashes_nothing_and_is_announced():
    picture = forest(distant(1.03, -0.03, -0.01, 0.002, 0.02))
    low, high = picture.figure.axes[0].get_xlim()
    assert -0.06 < low < -0.034
    assert 0.024 < high < 0.2
    assert "last_epoch (+1.0300)" in picture.caption
    assert "+1.0300" in [text.get_text() for text in picture.figure.axes[0].texts]


def test_nothing_is_left_out_of_what_is_near_or_better():
    for metrics in (
        distant(0.03, -0.03, -0.01),
        distant(0.001, -0.5, -0.001),
        distant(0.0),
        invented(2, ["l2", "large"]),
    ):
        picture = forest(metrics)
        low, high = picture.figure.axes[0].get_xlim()
        found = [variant["difference_to_large"] for variant in metrics["variants"].values()]
        means = [differences["test_log_loss"]["mean"] for differences in found if differences]
        assert all(low < mean < high for mean in means)
        assert "edge" not in picture.caption


def test_one_seed_is_said_to_give_no_interval():
    assert "no interval" in forest(invented(1)).caption
    assert "no interval" not in forest(invented(2)).caption


def test_legend_names_large_only_where_it_ran():
    def legend(metrics):
        return " ".join(text.get_text() for text in forest(metrics).figure.legends[0].get_texts())

    assert "better than large" in legend(invented())
    assert "large" not in legend(invented(2, ["l2", "own"]))


def test_gap_bars_are_as_long_as_the_gaps():
    metrics = invented(3, MANY)
    names = [name for name in MANY if name != "ensemble"]
    for axes, key in zip(gaps(metrics).figure.axes, ("gap_best", "gap_last"), strict=True):
        drawn = [bar.get_width() for bar in axes.containers[0]]
        assert drawn == [metrics["variants"][name][key]["mean"] for name in names]
    assert names_on(gaps(metrics).figure.axes[0]) == names


def test_a_single_far_longer_bar_is_cut_and_named():
    metrics = invented()
    metrics["variants"]["tiny"]["gap_best"]["mean"] = 20.0
    picture = gaps(metrics)
    widths = [bar.get_width() for bar in picture.figure.axes[0].containers[0]]
    assert max(widths) < 1
    assert "20.000 →" in [text.get_text() for text in picture.figure.axes[0].texts]
    assert picture.caption.endswith("go on: tiny.")


def test_ladder_climbs_the_sizes_that_ran():
    metrics = invented()
    line = lines(ladder(metrics).figure.axes[0], "validation, last epoch")[0]
    assert list(line.get_xdata()) == [metrics["variants"][name]["parameters"] for name in ("tiny", "large")]
    expected = [metrics["variants"][name]["val_log_loss_last"]["mean"] for name in ("tiny", "large")]
    assert list(line.get_ydata()) == expected
    two = pictures(invented(2, ["large", "l2"]), flat(["large", "l2"], 2, 3))
    assert [picture.name for picture in two] == ["forest", "curves", "gaps", "weights", "calibration"]


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
    assert axes.get_xscale() == "log"
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


@pytest.mark.parametrize("number", [1, 2, 5, 7, 20])
@pytest.mark.parametrize("draw", ["curves", "weights"])
def test_every_panel_can_be_read(number, draw, tmp_path):
    names = [f"a_variant_with_quite_a_long_name_{index}" for index in range(number)]
    metrics = invented(1, names)
    picture = learning_curves(metrics, flat(names, 1, 12)) if draw == "curves" else weights(metrics)
    figure = picture.figure
    figure.savefig(tmp_path / "panels.png")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == len(picture.panels) == number
    boxes = [text.get_window_extent() for axes in shown for text in (axes.title, *axes.texts)]
    assert not any(a.overlaps(b) for index, a in enumerate(boxes) for b in boxes[:index] if a.width and b.width)
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
    lowest = {round(axes.get_position().x0, 3): axes for axes in sorted(shown, key=lambda a: -a.get_position().y0)}
    assert all(any(label.get_visible() for label in axes.get_xticklabels()) for axes in lowest.values())


def test_panels_say_what_the_common_figure_says():
    metrics = invented(2, ORDER)
    for picture in (learning_curves(metrics, curves(metrics)), weights(metrics), calibration(metrics)):
        for common, panel in zip(picture.figure.axes, picture.panels, strict=False):
            own = panel.figure.axes[0]
            assert own.get_xlim() == common.get_xlim()
            assert [list(line.get_ydata()) for line in own.lines] == [list(line.get_ydata()) for line in common.lines]


def test_weights_are_drawn_by_bin_on_a_common_scale():
    metrics = invented(2, ["l1", "large"])
    metrics["variants"]["l1"]["weights"]["histogram"] = [0.9, *[0.1 / (len(BINS) - 2)] * (len(BINS) - 2)]
    picture = weights(metrics)
    l1, large = (panel.figure.axes[0] for panel in picture.panels)
    assert [bar.get_height() for bar in large.patches] == metrics["variants"]["large"]["weights"]["histogram"]
    assert [bar.get_x() for bar in large.patches] == list(BINS[:-1])
    assert l1.get_ylim() == large.get_ylim()
    assert "l1 (90%)" in picture.caption
    assert "90%" in [text.get_text() for text in l1.texts]
    assert any(list(line.get_xdata()) == [-3, -3] for line in large.lines)


def test_calibration_shows_the_bins_that_hold_rows():
    metrics = invented(2, ["l2", "large"])
    found = metrics["variants"]["l2"]["calibration"]
    found["rows"][3] = 1
    picture = calibration(metrics)
    line = picture.panels[0].figure.axes[0].lines[1]
    kept = [index for index in range(14) if index != 3]
    assert list(line.get_xdata()) == [found["predicted"][index] for index in kept]
    assert list(line.get_ydata()) == [found["observed"][index] for index in kept]
    for variant in metrics["variants"].values():
        assert f"{variant['test_calibration_error']['mean']:.4f}" in picture.caption


def test_a_search_over_one_strength_is_a_path_with_large_and_the_chosen_trial():
    metrics, trials = invented(2, ["l2", "large"]), tuning()
    picture = strength_paths(metrics, trials)
    panels = dict(zip(trials["search"].unique(), (panel.figure.axes[0] for panel in picture.panels), strict=True))
    assert (panels["l2"].get_xscale(), panels["dropout"].get_xscale()) == ("log", "linear")
    large = metrics["variants"]["large"]["val_log_loss_best"]["mean"]
    for search in ("l2", "dropout", "cocktail"):
        assert any(set(line.get_ydata()) == {large} for line in panels[search].lines)
    best = trials[(trials["search"] == "l2") & trials["chosen"]].iloc[0]
    assert (best["l2"], best["val_log_loss"]) in points(panels["l2"])
    assert f"chosen: l2 {best['l2']:.3g}, {best['val_log_loss']:.4f}" in picture.alternative


def test_a_search_over_two_strengths_is_a_plane_and_over_more_the_best_so_far():
    metrics, trials = invented(2, ["l2", "large"]), tuning()
    picture = strength_paths(metrics, trials)
    _, _, plane, steps = (panel.figure.axes[0] for panel in picture.panels)
    assert (plane.get_xlabel(), plane.get_ylabel(), plane.get_yscale()) == ("dropout", "l2", "log")
    assert len(plane.collections[0].get_offsets()) == 12
    lowest = trials[trials["search"] == "cocktail"]["val_log_loss"].cummin()
    assert any(list(line.get_ydata()) == list(lowest) for line in steps.lines)


def test_one_trial_without_state_or_deviation_is_enough(tmp_path):
    metrics = invented(2, ["l2"])
    trials = tuning(1).drop(columns=["state", "val_log_loss_std"])
    write(metrics, flat(["l2"], 2, 3), tmp_path, trials)
    assert (tmp_path / "figures" / "strengths.png").is_file()


@pytest.mark.parametrize("draw", [forest, ladder])
def test_the_legend_covers_no_data(draw, tmp_path):
    figure = draw(invented()).figure
    figure.savefig(tmp_path / "figure.png")
    legend = figure.legends[0].get_window_extent()
    assert not legend.overlaps(figure.axes[0].get_window_extent())
    assert figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1


def test_one_epoch_is_enough(tmp_path):
    metrics = invented(1, ["l2", "large"])
    write(metrics, flat(["l2", "large"], 1, 1), tmp_path)
    assert (tmp_path / "figures" / "curves.svg").is_file()


def test_every_picture_says_what_to_see_and_what_it_shows():
    metrics = invented(3, ORDER, REFERENCES)
    for picture in pictures(metrics, curves(metrics), tuning()):
        assert len(picture.caption) > 60
        shown = {"capacity": ["tiny", "large"], "strengths": ["l2", "dropout", "cocktail"]}.get(picture.name, ORDER)
        assert all(name in picture.alternative for name in shown)


def test_the_style_of_others_does_not_change():
    before = dict(mpl.rcParams)
    pictures(invented(2), curves(invented(2)))
    assert dict(mpl.rcParams) == before
