"""The page, its Markdown twin, the model card and the figures, from results/metrics.json and the curves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from overfitting.base import files, markdown
from overfitting.data.test_rows import rows_per_seed
from overfitting.evaluation.formats import estimate, listed
from overfitting.evaluation.language import Language, say, speaking, translated
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import REFERENCE, Metric, Metrics
from overfitting.evaluation.verdict import in_words
from overfitting.report import explorer, tables
from overfitting.report.advice import advice
from overfitting.report.answers import answers, in_language
from overfitting.report.figures import svg
from overfitting.report.figures.pictures import pictures

NAMES: dict[Language, str] = {"en": "report.html", "zh": "report.zh.html"}  # each links to the other
SECTIONS = {  # after the figures
    "numbers": "More numbers",
    "columns": "The columns",
    "run": "How it was run",
    "reproduce": "Reproduce it",
}
LIVE = ("forest", "curves", "calibration")  # figures that the script draws instead
STATUSES = ("better", "worse", "equivalent")  # that have a colour
MEASURES: dict[Metric, str] = {  # of the model card
    "test_log_loss": "log loss",
    "test_auc": "AUC",
    "test_accuracy": "accuracy",
    "test_brier": "Brier score",
    "test_calibration_error": "calibration error",
}


def write(
    metrics: Metrics,
    curves: pd.DataFrame,
    destination: Path,
    tuning: pd.DataFrame | None = None,
    curve: LearningCurve | None = None,
) -> None:
    """Write the page in both languages, report.md, the model card and the figures; the same input gives the same bytes.

    `curves` and `tuning` are results/curves.csv and results/tuning.csv; `curve` is the learning curve.
    """
    drawn = pictures(metrics, curves, tuning, curve)
    drawings = {picture.name: svg.render(picture, "svg", text_as="none", background="none") for picture in drawn}
    for language, name in NAMES.items():
        with speaking(language):
            spoken, classes = in_language(metrics), dict[str, str]()
            content = _content(spoken, curve) | {"figures": drawn}
            if language == "en":
                files.write_text(destination / "report.md", _rendered("report.md.j2", **content) + "\n")
            data = json.dumps(explorer.content(spoken, curves), ensure_ascii=False, separators=(",", ":"))
            page = _rendered(
                "report.html.j2",
                language=language,
                others={code: other for code, other in NAMES.items() if code != language},
                drawings={picture.name: svg.inline(picture, drawings[picture.name], classes) for picture in drawn},
                classes=classes,
                data=data.replace("<", "\\u003c"),
                **content,
            )
            files.write_text(destination / name, page)
    files.write_text(destination / files.MODEL_CARD.name, model_card(metrics))
    for picture in drawn:
        for kind in ("png", "svg"):
            files.write_bytes(destination / "figures" / f"{picture.name}.{kind}", svg.render(picture, kind))


def write_run(destination: Path, seconds: Mapping[str, Sequence[float]], commit: str | None) -> None:
    """Write run.js beside the page, which shows it: what differs between two runs of the same comparison.

    `seconds` are those of each variant's runs; `commit` is that of the code. Neither DVC nor git sees this file.
    """
    times = ", ".join(f"{name} {np.mean(found):.3g}" for name, found in seconds.items())
    rows = {"commit": commit, "seconds per seed": times}
    content = {"rows": [row for row in rows.items() if row[1]], "commit": commit.split()[0] if commit else None}
    files.write_text(destination / "run.js", f"const run = {json.dumps(content, indent=2)};\n")


def headline(metrics: Metrics) -> str:
    """The answer in a few words, for the title of the page."""
    if len(metrics.run.seeds) < 2 or REFERENCE not in metrics.variants:
        return say("{count} variants compared", count=len(metrics.variants))
    stopped = metrics.early_stopping.status if metrics.early_stopping else "undecided"
    late = [translated("early stopping")] if stopped == "better" else []
    late += [in_words(name) for name in metrics.with_status("late", "better")]
    if not late:
        has_none = stopped in ("equivalent", "worse")
        return say("the large network does not overfit here" if has_none else "nothing shown so far")
    return listed(late if len(late) <= 3 else [*late[:3], say("{count} more", count=len(late) - 3)])


def model_card(metrics: Metrics) -> str:
    """The model card of the champion, as Markdown; its table has the means over all seeds of the variant."""
    scores = metrics.variants[metrics.champion.variant].early.metrics
    rows = [[name, estimate(scores[key])] for key, name in MEASURES.items() if key in scores]
    tested = rows_per_seed(metrics.data)
    return _rendered("model-card.md.j2", metrics=metrics, tested=tested, scores=rows) + "\n"


def _content(metrics: Metrics, curve: LearningCurve | None) -> dict[str, Any]:
    """What the page and its Markdown twin show, in the reader's language."""
    return {
        "title": headline(metrics),
        "answers": answers(metrics, curve),
        "advice": advice(metrics, curve),
        "details": metrics.verdict.details,
        "ranking": tables.ranking(metrics),
        "definitions": tables.definitions(metrics),
        "variants": tables.variants(metrics),
        "size_tables": tables.by_size(curve) if curve else [],
        "more": tables.more(metrics),
        "columns": tables.columns(metrics.data),
        "column_notes": tables.column_notes(metrics.data),
        "how": tables.how(metrics),
        "run": metrics.run,
        "confidences": [level.confidence for level in metrics.levels] or [metrics.run.confidence],
        "live": LIVE,
        "phases": {tables.LATE: "late", tables.EARLY: "early"},
        "statuses": {translated(status): status for status in STATUSES},
        "sections": SECTIONS,
    }


def _rendered(name: str, **content: Any) -> str:
    """The template `name` with the content; HTML is escaped, Markdown is not."""
    environment = Environment(
        loader=PackageLoader("overfitting.report", "templates"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals |= {
        "say": say,
        "t": translated,
        "table": markdown.table,
        "bullets": _bullets,
        "script": _script,
    }
    return environment.get_template(name).render(content)


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _script(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")
