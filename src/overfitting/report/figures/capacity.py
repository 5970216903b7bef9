"""Capacity: log loss against the number of parameters."""

from overfitting.evaluation.colours import BLUE, VERMILION
from overfitting.evaluation.language import say
from overfitting.evaluation.results import Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import Picture

SIZES = ("tiny", "small", "medium", "large")  # networks without a remedy


@drawing.styled
def capacity(metrics: Metrics) -> Picture | None:
    """Log loss of the networks of `SIZES` at the best and at the last epoch; None if fewer than two of them ran."""
    trained = {name: metrics.trained[name] for name in SIZES if name in metrics.trained}
    if len(trained) < 2:
        return None
    parameters, found = [metrics.variants[name].parameters for name in trained], trained.values()
    late = [training.late.val_log_loss.mean for training in found]
    figure, (axes,) = drawing.row(3.3)
    for label, colour, style, means in (
        ("validation, best epoch", VERMILION, "o-", [training.early.val_log_loss.mean for training in found]),
        ("validation, last epoch", VERMILION, "o--", late),
        ("training, best epoch", BLUE, "s-", [training.early.train_log_loss.mean for training in found]),
        ("training, last epoch", BLUE, "s--", [training.late.train_log_loss.mean for training in found]),
    ):
        axes.plot(parameters, means, style, markersize=4, color=colour, label=label)
    for name, number in zip(trained, parameters, strict=True):
        axes.text(number, 1.02, name, transform=axes.get_xaxis_transform(), rotation=30, fontsize=8.5)
    axes.set(xscale="log", xlabel="parameters", ylabel="log loss")
    drawing.log_labels(axes.xaxis)
    drawing.legend(figure, axes, columns=2)

    def texts() -> tuple[str, str]:
        caption = say(
            "The larger the network, the larger the gap between training (blue) and validation (orange) after the last "
            "epoch (dashed). Keeping the best epoch (solid) removes most of the gap."
        )
        losses = drawing.listing(dict(zip(trained, late, strict=True)))
        return caption, say("Validation log loss at the last epoch by size: {losses}.", losses=losses)

    return Picture("capacity", "Capacity", figure, texts)
