"""All figures together."""

import matplotlib as mpl

from overfitting.evaluation.language import speaking, translated
from overfitting.report.page import pictures
from tests.builders.metrics import BASELINES, ORDER, curves, flat_curves, invented, tuning


def test_capacity_needs_two_sizes_and_strengths_a_search():
    two = pictures(invented(2, ["large", "l2"]), flat_curves(["large", "l2"], 2, 3))
    assert [picture.name for picture in two] == ["forest", "curves", "weights", "calibration"]


def test_ensembles_alone_have_no_figures_of_training():
    metrics = invented(2, ["ensemble"])
    assert [picture.name for picture in pictures(metrics, curves(metrics))] == ["forest", "calibration"]


def test_every_picture_says_what_to_look_for_and_describes_itself_in_words():
    metrics = invented(3, ORDER, BASELINES)
    for picture in pictures(metrics, curves(metrics), tuning()):
        assert len(picture.caption) > 60
        with speaking("zh"):
            assert translated(picture.title) != picture.title
        shown = {"capacity": ["tiny", "large"], "strengths": ["l2", "dropout", "three"]}.get(picture.name)
        trained = [name for name in ORDER if name != "ensemble"]
        shown = shown or (ORDER if picture.name in ("forest", "calibration") else trained)
        assert all(name in picture.alternative for name in shown)


def test_the_global_style_of_matplotlib_does_not_change():
    before = dict(mpl.rcParams)
    pictures(invented(2), curves(invented(2)))
    assert dict(mpl.rcParams) == before
