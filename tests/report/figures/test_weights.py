"""The histograms of weights."""

import pytest

from overfitting.report.figures.weights import weights
from tests.builders.metrics import BINS, edited, invented
from tests.report.figures.drawn import panels_are_readable


def test_bars_are_drawn_per_bin_on_a_common_scale():
    histogram = [0.9, *[0.1 / (len(BINS) - 2)] * (len(BINS) - 2)]
    metrics = edited(invented(2, ["l1", "large"]), variants__l1__training__early__weight_histogram=histogram)
    picture = weights(metrics)
    l1, large = picture.figure.axes
    assert [bar.get_height() for bar in large.patches] == list(metrics.trained["large"].early.weight_histogram)
    assert [bar.get_x() for bar in large.patches] == list(BINS[:-1])
    assert l1.get_ylim() == large.get_ylim()
    assert "l1 (90%)" in picture.caption
    assert "90%" in [text.get_text() for text in l1.texts]
    assert any(list(line.get_xdata()) == [-3, -3] for line in large.lines)


@pytest.mark.parametrize("number", [1, 2, 5, 7, 20])
def test_every_panel_is_readable(number, tmp_path):
    names = [f"a_variant_with_quite_a_long_name_{index}" for index in range(number)]
    assert panels_are_readable(weights(invented(1, names)), number, tmp_path / "panels.png")
