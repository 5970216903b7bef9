"""The answers in words, as the page, the READMEs and the terminal show them."""

from overfitting.base import files
from overfitting.evaluation import learning_curve
from overfitting.evaluation.language import joined, translated
from overfitting.evaluation.learning_curve import LearningCurve, sentences
from overfitting.evaluation.results import Metrics
from overfitting.evaluation.verdict import verdict


def answers(metrics: Metrics, curve: LearningCurve | None) -> list[str]:
    """The two answers and, if there is a learning curve, what the best remedy is worth in rows."""
    worth = sentences(curve, metrics.data.train_rows) if curve else []
    return [metrics.verdict.prevents, metrics.verdict.predicts, *([joined(*worth)] if worth else [])]


def in_language(metrics: Metrics) -> Metrics:
    """The metrics with the verdict in the reader's language; the file has it in English."""
    return metrics if translated("variant") == "variant" else metrics.model_copy(update={"verdict": verdict(metrics)})


def conclusion(metrics: Metrics, curve: LearningCurve | None) -> str:
    """The answers and the path of the page."""
    return f"{' '.join(answers(metrics, curve))}\nThe page: {files.RESULTS / 'report.html'}"


def read() -> tuple[Metrics, LearningCurve | None]:
    """The results of the project in the current folder, and the learning curve if it was computed for their data.

    Raises:
        UserError: a file is missing or damaged.
    """
    metrics = Metrics.read(files.METRICS)
    return metrics, learning_curve.read(metrics)
