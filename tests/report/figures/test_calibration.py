"""The calibration figure."""

from overfitting.report.figures.calibration import calibration
from tests.builders.metrics import edited, invented
from tests.report.figures.drawn import lines


def test_bins_with_few_rows_are_left_out():
    rows = list(invented(2, ["l2", "large"]).variants["l2"].calibration.rows)
    rows[3] = 1
    metrics = edited(invented(2, ["l2", "large"]), variants__l2__calibration__rows=rows)
    found = metrics.variants["l2"].calibration
    picture = calibration(metrics)
    line = lines(picture.figure.axes[0], "l2")[0]
    kept = [index for index in range(14) if index != 3]
    assert list(line.get_xdata()) == [found.predicted[index] for index in kept]
    assert list(line.get_ydata()) == [found.observed[index] - found.predicted[index] for index in kept]
    for variant in metrics.variants.values():
        assert f"{variant.early.metrics['test_calibration_error'].mean:.4f}" in picture.alternative
