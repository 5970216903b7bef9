"""The numbers that the page's script draws and recomputes from: intervals, curves, calibration."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pandas as pd

from overfitting.evaluation.colours import colours
from overfitting.evaluation.language import translated
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report.figures import drawing, forest
from overfitting.report.figures.calibration import points
from overfitting.report.figures.curves import LOSSES, thinned

EPOCHS = 400  # per curve at most
SHOWN = 3  # variants that are on at first, beside `large`
WORDS = (
    "better", "worse", "equivalent", "undecided", "one seed", "reference", "best", "training", "validation", "epoch",
    "log loss", "variant", "gap", "above its best", "to", "predicted probability", "share of signal − probability",
    "← better · worse →", "early stopping", "Does it prevent overfitting?", "Does it beat stopping early?", "commit",
    "seconds per seed", "all", "none", "Stop after epoch", "zoom in on the lowest losses",
)  # fmt: skip


def content(metrics: Metrics, curves: pd.DataFrame) -> dict[str, Any]:
    """JSON values; `curves` is results/curves.csv."""
    paired, names, trained = REFERENCE in metrics.variants, metrics.verdict.ranking, list(metrics.trained)
    rows = {phase: forest.rows(metrics, phase) for phase in forest.QUESTIONS}
    return {
        "confidence": metrics.run.confidence,
        "margin": metrics.run.margin,
        "paired": paired,
        "levels": {f"{level.confidence:g}": level.model_dump(exclude={"confidence"}) for level in metrics.levels},
        "forest": {
            phase: {
                "title": translated(title), "limits": forest.limits(rows[phase], paired),
                "rows": list(map(asdict, rows[phase])),
            }
            for phase, (title, _) in forest.QUESTIONS.items()
        },
        "curves": {name: _curves(curves[curves["variant"] == name]) for name in trained},
        "calibration": {
            name: [_rounded(values) for values in points(metrics.variants[name].calibration)] for name in names
        },
        "colours": {name: f"var(--{drawing.COLOURS[colour]})" for name, colour in colours(names).items()},
        "shown": [name for name in names if name == REFERENCE or name in trained[:SHOWN]],
        "words": {word: translated(word) for word in WORDS},
    }  # fmt: skip


def _curves(curves: pd.DataFrame) -> dict[str, list[float]]:
    """Means over the seeds, up to the epoch at which the first seed stops."""
    by_seed = thinned(curves.pivot_table(index="epoch", columns="seed", values=LOSSES).dropna(), EPOCHS)
    training, validation = (_rounded(by_seed[[column]].mean(axis=1)) for column in LOSSES)
    return {"epochs": by_seed.index.tolist(), "training": training, "validation": validation}


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 5) for value in values]
