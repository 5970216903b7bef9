"""How figures are drawn: colours, axes, panels, legends. What they show is in `figures`, `panels` and `strengths`."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullFormatter, NullLocator, StrMethodFormatter

# Okabe and Ito (2008), told apart by colour-blind readers
BLUE, VERMILION, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#767676"
INK, SOFT, LINE, PAPER = "#1b1f24", "#5a6472", "#d8dde3", "#ffffff"
# what the page calls them, where each has a second value for dark screens
COLOURS = {
    BLUE: "blue",
    VERMILION: "vermilion",
    GREEN: "green",
    GREY: "grey",
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    PAPER: "paper",
}
WIDTH, FULL_WIDTH = 5.0, 8.0  # inches; narrow enough for the text to be readable on a phone
PANEL = (2.1, 1.8)  # inches; two fit beside each other on a phone
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Draw = Callable[[Axes, str], None]  # what draws the panel of a name
STYLE: Any = {
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "axes.titlesize": 9,
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.columnspacing": 1.4,
    "legend.fontsize": 8.5,
    "legend.handletextpad": 0.5,
    "text.color": INK,
    "text.parse_math": False,  # a name is shown as it is
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}
styled = mpl.rc_context(STYLE)  # decorates what draws a figure


@dataclass(frozen=True)
class Panel:
    """One of several equal figures, and what it shows in words."""

    figure: Figure
    alternative: str


@dataclass(frozen=True)
class Picture:
    """A figure, what to see in it, and what it shows in words for who can't see it.

    Where it has `panels`, the page shows these instead, as many beside each other as fit, under `key`, the meaning of
    each colour, and `labels` of x and y.
    """

    name: str
    title: str
    figure: Figure
    caption: str
    alternative: str
    panels: Sequence[Panel] = ()
    key: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, str] = ("", "")


def one(height: float) -> tuple[Figure, Axes]:
    """A figure of one set of axes; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def beside(columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """Axes beside each other that share their rows."""
    figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(wspace=0.06))
    return figure, list(figure.subplots(1, columns, sharey=True, squeeze=False).flat)


def grid(
    names: Sequence[str], draw: Draw, labels: tuple[str, str] = ("", ""), shared: bool = True, top: float = 0.45
) -> Figure:
    """Every panel in one figure, `top` inches below its edge; `shared` axes have common `labels` of x and y."""
    columns = 4 if len(names) > 6 and shared else min(3, len(names))
    rows = -(-len(names) // columns)
    gap = (0.2, 0.5) if shared else (0.7, 0.8)  # inches
    figure = Figure(figsize=(FULL_WIDTH, 0.55 + top + (1.25 + gap[1]) * rows - gap[1]))
    axes = list(figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False).flat)
    _margins(figure, (0.7, 0.1, 0.55, top), gap, (rows, columns))
    for panel, name in zip(axes, names, strict=False):
        draw(panel, name)
        panel.tick_params(labelsize=8)
    for panel in axes[len(names) :]:
        panel.set_visible(False)
    for panel in axes[max(0, len(names) - columns) : len(names)]:
        panel.tick_params(labelbottom=True)  # the lowest of its column, also where the last row is not full
    figure.supxlabel(labels[0], fontsize=9)
    figure.supylabel(labels[1], fontsize=9)
    return figure


def single(name: str, draw: Draw, alternative: str, size: tuple[float, float] = PANEL) -> Panel:
    """One panel by itself; larger ones than `PANEL` have room for labels of x and y."""
    margins = (0.36, 0.08, 0.2, 0.34) if size == PANEL else (0.62, 0.1, 0.42, 0.34)
    with mpl.rc_context({"axes.labelsize": 8, "xtick.labelsize": 7.5, "ytick.labelsize": 7.5}):
        figure = Figure(figsize=size)
        draw(figure.add_subplot(), name)
        _margins(figure, margins)
    return Panel(figure, alternative)


def _margins(
    figure: Figure,
    margins: tuple[float, float, float, float],
    gap: tuple[float, float] = (0, 0),
    shape: tuple[int, int] = (1, 1),
) -> None:
    """Margins (left, right, bottom, top) and gaps in inches, the same for all, which a layout engine would not give."""
    (width, height), (left, right, bottom, top), (rows, columns) = figure.get_size_inches(), margins, shape
    across = (width - left - right - gap[0] * (columns - 1)) / columns
    up = (height - bottom - top - gap[1] * (rows - 1)) / rows
    figure.subplots_adjust(
        left / width, bottom / height, 1 - right / width, 1 - top / height, gap[0] / across, gap[1] / up
    )


def title(axes: Axes, name: str, note: str = "") -> None:
    """The name of a panel, whole if it fits, and a note below it."""
    short = name if len(name) <= 30 else f"{name[:29]}…"
    size = min(9, 170 / len(short))
    if not note:
        axes.set_title(short, fontsize=size)
        return
    axes.set_title(note, fontsize=7.5, color=SOFT, pad=3)
    axes.annotate(
        short,
        (0.5, 1),
        (0, 14),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        fontsize=size,
    )


def legend(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """Above the axes, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    place: Any = "outside upper center" if figure.get_layout_engine() else "upper center"
    figure.legend(handles, labels, loc=place, ncols=columns)


def plain_numbers(axis: Any) -> None:
    """1,000 rather than 10 to the power of 3 on a logarithmic axis."""
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def powers(axis: Any) -> None:
    """10⁻³ on a logarithmic axis."""
    axis.set_major_formatter(lambda value, _: power(round(math.log10(value))))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def power(exponent: int) -> str:
    """A power of ten."""
    return "1" if exponent == 0 else f"10{str(exponent).translate(SUPERSCRIPT)}"
