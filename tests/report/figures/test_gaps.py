"""The generalisation gaps."""

from overfitting.report.figures.gaps import gaps
from tests.builders.metrics import MANY, edited, invented
from tests.report.figures.drawn import names_on


def test_bars_are_as_long_as_the_gaps():
    metrics = invented(3, MANY)
    names = [name for name in MANY if name != "ensemble"]
    best, last = gaps(metrics).figure.axes
    assert [bar.get_width() for bar in best.containers[0]] == [metrics.trained[name].early.gap.mean for name in names]
    assert [bar.get_width() for bar in last.containers[0]] == [metrics.trained[name].late.gap.mean for name in names]
    assert names_on(best) == names


def test_a_single_bar_much_longer_than_all_others_is_cut_and_named():
    picture = gaps(edited(invented(), variants__tiny__training__early__gap__mean=20.0))
    widths = [bar.get_width() for bar in picture.figure.axes[0].containers[0]]
    assert max(widths) < 1
    assert "20.000 →" in [text.get_text() for text in picture.figure.axes[0].texts]
    assert picture.caption.endswith("longer than shown: tiny.")
