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
from overfitting.evaluation.formats import estimate
from overfitting.evaluation.language import Language, say, speaking, translated
from overfitting.evaluation.learning_curve import LearningCurve
from overfitting.evaluation.results import Metrics
from overfitting.report import explorer, tables
from overfitting.report.answers import advice, answers, headline, in_language
from overfitting.report.figures import svg
from overfitting.report.figures.calibration import calibration
from overfitting.report.figures.curves import capacity, learning_curves
from overfitting.report.figures.drawing import Picture
from overfitting.report.figures.forest import forest
from overfitting.report.figures.sizes import sizes
from overfitting.report.figures.strengths import strengths
from overfitting.report.figures.weights import weights

NAMES: dict[Language, str] = {"en": "report.html", "zh": "report.zh.html"}  # each links to the other
SECTIONS = {  # after the figures
    "numbers": "More numbers",
    "columns": "The columns",
    "run": "How it was run",
    "reproduce": "Reproduce it",
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
            inline = {picture.name: svg.inline(picture, drawings[picture.name], classes) for picture in drawn}
            data = json.dumps(explorer.content(spoken, curves), ensure_ascii=False, separators=(",", ":"))
            page = _rendered(
                "report.html.j2", metrics=spoken, curve=curve, figures=drawn, drawings=inline, classes=classes,
                language=language, names=NAMES, data=data.replace("<", "\\u003c"),
            )  # fmt: skip
            files.write_text(destination / name, page)
    text = _rendered("report.md.j2", metrics=metrics, curve=curve, figures=drawn)
    files.write_text(destination / "report.md", f"{text}\n")
    files.write_text(destination / files.MODEL_CARD.name, model_card(metrics))
    for picture in drawn:
        for kind in ("png", "svg"):
            files.write_bytes(destination / "figures" / f"{picture.name}.{kind}", svg.render(picture, kind))


def pictures(
    metrics: Metrics, curves: pd.DataFrame, tuning: pd.DataFrame | None = None, curve: LearningCurve | None = None
) -> list[Picture]:
    """The figures that these results allow, in the order of the page."""
    drawn = (
        forest(metrics),
        sizes(curve),
        learning_curves(metrics, curves),
        capacity(metrics),
        strengths(metrics, tuning),
        weights(metrics),
        calibration(metrics),
    )
    return [picture for picture in drawn if picture]


def model_card(metrics: Metrics) -> str:
    """The model card of the champion, as Markdown."""
    return _rendered("model-card.md.j2", metrics=metrics, rows_per_seed=rows_per_seed, estimate=estimate) + "\n"


def write_run(destination: Path, seconds: Mapping[str, Sequence[float]], commit: str | None) -> None:
    """Write run.js beside the page, which shows it: what differs between two runs of the same comparison.

    `seconds` are those of each variant's runs; `commit` is that of the code. Neither DVC nor git sees this file.
    """
    times = ", ".join(f"{name} {np.mean(found):.3g}" for name, found in seconds.items())
    rows = {"commit": commit, "seconds per seed": times}
    content = {"rows": [row for row in rows.items() if row[1]], "commit": commit.split()[0] if commit else None}
    files.write_text(destination / "run.js", f"const run = {json.dumps(content, indent=2)};\n")


def _rendered(name: str, **content: Any) -> str:
    """The template `name`, which asks for tables and sentences itself; HTML is escaped, Markdown is not."""
    environment = Environment(
        loader=PackageLoader("overfitting.report", "templates"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    texts = {"say": say, "t": translated, "headline": headline, "answers": answers, "advice": advice}
    parts = {"tables": tables, "table": markdown.table, "bullets": _bullets, "script": _script, "sections": SECTIONS}
    return environment.get_template(name).render(**texts, **parts, **content)


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _script(name: str) -> str:
    return (resources.files(__package__) / "templates" / name).read_text(encoding="utf-8")
