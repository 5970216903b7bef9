"""Strengths: validation log loss by strength of a remedy, from the searches in results/tuning.csv."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.ticker import MaxNLocator
from pandas.api.types import is_numeric_dtype

from overfitting.evaluation.colours import BLUE, GREY, VERMILION
from overfitting.evaluation.language import joined, say
from overfitting.evaluation.results import REFERENCE, Metrics
from overfitting.report.figures import drawing
from overfitting.report.figures.drawing import DASHED, SOFT, Picture

LOSS = "val_log_loss"
# columns of results/tuning.csv that are not strengths
ABOUT = {"search", "trial", "seeds", "epochs", LOSS, f"{LOSS}_std", "state", "data", "chosen"}
RATES = ("dropout",)  # between 0 and 1, so always on a linear axis
WIDE = 20  # ratio of largest to smallest strength from which an axis is logarithmic


@drawing.styled
def strengths(metrics: Metrics, tuning: pd.DataFrame | None) -> Picture | None:
    """One panel per search; None if there was no search on this data."""
    searches = _searches(metrics.data.fingerprint, tuning)
    if not searches:
        return None
    large = metrics.trained[REFERENCE].early.val_log_loss.mean if REFERENCE in metrics.trained else None
    figure, panels = drawing.grid(len(searches), shared=False)
    for axes, (name, rows) in zip(panels, searches.items(), strict=True):
        drawing.title(axes, name, _search(axes, rows, large))

    def texts() -> tuple[str, str]:
        caption = joined(
            say(
                "A path that is lowest in its middle shows that a remedy can be too weak and too strong. The ring "
                "marks the chosen trial."
            ),
            say("The dashed line is large.") if large is not None else "",
            say(
                "Triangles at the top edge lie above the axis; hollow points are trials that were stopped early. "
                "Searches have rows of their own, so compare the losses of a panel with each other."
            ),
        )
        return caption, joined(*(_in_words(name, rows) for name, rows in searches.items()))

    return Picture("strengths", "Strengths", figure, texts)


def _searches(data: str, tuning: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Finished trials of each search on the data with the fingerprint `data`."""
    if tuning is None:
        return {}
    found = tuning[(tuning["data"].astype(str) == data) & tuning[LOSS].notna()]
    found = found.assign(chosen=found["chosen"].astype(str).str.lower() == "true")
    return {str(name): trials.sort_values("trial") for name, trials in found.groupby("search", sort=False)}


def _fields(rows: pd.DataFrame) -> list[str]:
    """Strengths that a search varies: columns with more than one value."""
    return [str(column) for column in rows if column not in ABOUT and rows[column].nunique() > 1]


def _search(axes: Axes, rows: pd.DataFrame, large: float | None) -> str:
    """Draw a path for one strength, a plane for two, else the best loss so far; return a note that says which."""
    fields, bounds = _fields(rows), _bounds(rows, large)
    numbers = all(is_numeric_dtype(rows[field]) for field in fields)
    if len(fields) == 2 and numbers:
        _plane(axes, rows, fields, bounds)
        return "colour: validation log loss"
    if len(fields) == 1 and numbers:
        strength = rows[fields[0]]
        _label(axes, "x", strength)
    else:
        strength = pd.Series(np.arange(1, len(rows) + 1), rows.index)
        axes.step(strength, rows[LOSS].cummin(), where="post", color=BLUE, linewidth=1, alpha=0.6)
        axes.set_xlabel("trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _trials(axes, strength, rows, bounds)
    if large is not None:
        axes.axhline(large, color=GREY, linewidth=1, linestyle=DASHED, zorder=1)
    axes.set(ylabel="validation log loss", ylim=bounds)
    return "" if len(fields) == 1 else "line: best so far"


def _trials(axes: Axes, strength: pd.Series, rows: pd.DataFrame, bounds: tuple[float, float]) -> None:
    loss, best = rows[LOSS], rows["chosen"]
    state = rows.get("state", pd.Series("complete", rows.index))
    beyond, is_complete = loss > bounds[1], state.astype(str).str.lower() == "complete"
    for shown, face in ((~beyond & is_complete, BLUE), (~beyond & ~is_complete, drawing.PAPER)):
        axes.plot(strength[shown], loss[shown], "o", color=BLUE, markerfacecolor=face, markersize=3)
    axes.plot(strength[beyond], loss[beyond].clip(upper=bounds[1]), "^", color=BLUE, markersize=4, clip_on=False)
    if f"{LOSS}_std" in rows:
        axes.errorbar(strength, loss, rows[f"{LOSS}_std"].fillna(0), fmt="none", ecolor=BLUE, elinewidth=0.5)
    axes.plot(
        strength[best], loss[best], "o", color=VERMILION, markersize=8, markerfacecolor="none", markeredgewidth=1.5,
        zorder=4,
    )  # fmt: skip


def _plane(axes: Axes, rows: pd.DataFrame, fields: list[str], bounds: tuple[float, float]) -> None:
    (y, x), best = (rows[field] for field in fields), rows["chosen"]
    norm = BoundaryNorm(MaxNLocator(6).tick_values(*bounds), 256, extend="max")
    axes.scatter(x, y, 22, rows[LOSS], norm=norm, cmap="viridis", edgecolors=SOFT, linewidths=0.4)
    axes.scatter(x[best], y[best], 80, "none", edgecolors=VERMILION, linewidths=1.5)
    axes.figure.colorbar(ScalarMappable(norm, "viridis"), ax=axes, fraction=0.2, pad=0.03, aspect=16)
    _label(axes, "x", x)
    _label(axes, "y", y)


def _label(axes: Axes, which: str, values: pd.Series) -> None:
    """Name the axis `which` after the values, and make it logarithmic if they span decades."""
    axes.set(**{f"{which}label": values.name})
    if values.name not in RATES and values.min() > 0 and values.max() >= WIDE * values.min():
        axes.set(**{f"{which}scale": "log"})
        axis = axes.xaxis if which == "x" else axes.yaxis
        drawing.log_labels(axis, lambda value: drawing.power(math.log10(value)))


def _bounds(rows: pd.DataFrame, large: float | None) -> tuple[float, float]:
    """Limits of the loss axis that show three quarters of the trials, and large."""
    low, usual = float(rows[LOSS].min()), float(rows[LOSS].quantile(0.75))
    low, usual = min(low, large or low), max(usual, large or usual)
    high = max(usual, min(float(rows[LOSS].max()), usual + 0.5 * (usual - low)))
    margin = 0.08 * (high - low) or 0.01
    return low - margin, high + margin


def _in_words(name: str, rows: pd.DataFrame) -> str:
    tried = say(
        "{name}: {count} trials, validation log loss {low:.4f} to {high:.4f}.",
        name=name, count=len(rows), low=rows[LOSS].min(), high=rows[LOSS].max(),
    )  # fmt: skip
    best = rows[rows["chosen"]]
    if best.empty:
        return tried
    chosen = {field: best.iloc[0][field] for field in _fields(rows)}
    values = ", ".join(f"{name} {x:.3g}" if isinstance(x, float) else f"{name} {x}" for name, x in chosen.items())
    return joined(tried, say("Chosen: {values}, {loss:.4f}.", values=values, loss=best.iloc[0][LOSS]))
