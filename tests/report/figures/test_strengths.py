"""The searches for strengths."""

from overfitting.report.figures.strengths import strengths
from overfitting.report.page import write
from tests.builders.metrics import flat_curves, invented, tuning
from tests.report.figures.drawn import points


def test_a_search_over_one_strength_is_a_path_with_large_and_the_chosen_trial():
    metrics, trials = invented(2, ["l2", "large"]), tuning()
    picture = strengths(metrics, trials)
    panels = dict(zip(trials["search"].unique(), picture.figure.axes[:4], strict=True))
    assert (panels["l2"].get_xscale(), panels["dropout"].get_xscale()) == ("log", "linear")
    large = metrics.trained["large"].early.val_log_loss.mean
    for search in ("l2", "dropout", "three"):
        assert any(set(line.get_ydata()) == {large} for line in panels[search].lines)
    best = trials[(trials["search"] == "l2") & trials["chosen"]].iloc[0]
    assert (best["l2"], best["val_log_loss"]) in points(panels["l2"])
    assert f"Chosen: l2 {best['l2']:.3g}, {best['val_log_loss']:.4f}" in picture.alternative


def test_a_search_over_two_strengths_is_a_plane_and_over_more_the_best_so_far():
    metrics, trials = invented(2, ["l2", "large"]), tuning()
    picture = strengths(metrics, trials)
    _, _, plane, steps = picture.figure.axes[:4]
    assert (plane.get_xlabel(), plane.get_ylabel(), plane.get_yscale()) == ("dropout", "l2", "log")
    assert len(plane.collections[0].get_offsets()) == 12
    lowest = trials[trials["search"] == "three"]["val_log_loss"].cummin()
    assert any(list(line.get_ydata()) == list(lowest) for line in steps.lines)


def test_one_trial_without_state_or_deviation_is_enough(tmp_path):
    metrics = invented(2, ["l2"])
    trials = tuning(1).drop(columns=["state", "val_log_loss_std"])
    write(metrics, flat_curves(["l2"], 2, 3), tmp_path, trials)
    assert (tmp_path / "figures" / "strengths.png").is_file()
