"""Log loss by number of parameters."""

from overfitting.report.figures.capacity import capacity
from tests.builders.metrics import invented
from tests.report.figures.drawn import legend_is_clear, lines


def test_lines_pass_through_the_sizes_that_ran():
    metrics = invented()
    line = lines(capacity(metrics).figure.axes[0], "validation, last epoch")[0]
    assert list(line.get_xdata()) == [metrics.variants[name].parameters for name in ("tiny", "large")]
    expected = [metrics.trained[name].late.val_log_loss.mean for name in ("tiny", "large")]
    assert list(line.get_ydata()) == expected


def test_one_size_is_not_enough():
    assert capacity(invented(2, ["large", "l2"])) is None


def test_the_legend_covers_no_data(tmp_path):
    assert legend_is_clear(capacity(invented()).figure, tmp_path / "figure.png")
