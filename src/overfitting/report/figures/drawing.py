"""Style and parts that all figures share: colours, axes, panels, legends."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator, StrMethodFormatter

from overfitting.evaluation.colours import (
    AMBER,
    BLUE,
    BROWN,
    GREEN,
    GREY,
    INK,
    NAVY,
    OLIVE,
    PINK,
    PURPLE,
    RED,
    TEAL,
    VERMILION,
    VIOLET,
)  # fmt: skip

SOFT, LINE, PAPER = "#5a6472", "#d8dde3", "#ffffff"
# their names on the page, which gives each a second value for dark screens
COLOURS = {
    BLUE: "blue",
    VERMILION: "vermilion",
    GREEN: "green",
    GREY: "grey",
    PURPLE: "purple",
    AMBER: "amber",
    TEAL: "teal",
    RED: "red",
    BROWN: "brown",
    VIOLET: "violet",
    OLIVE: "olive",
    PINK: "pink",
    NAVY: "navy",
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    PAPER: "paper",
}
WIDTH = 5.4  # inches; narrow enough for the text to be readable on a phone
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FAR = 4  # times the usual size: anything further off is cut, so that it does not squeeze the rest
Draw = Callable[[Axes, str], None]  # draws the panel of a name
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
    "text.parse_math": False,  # names may contain $
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}
styled = mpl.rc_context(STYLE)  # decorator of functions that draw a figure


@dataclass(frozen=True)
class Picture:
    """A figure with its texts."""

    name: str  # of its files, and anchor on the page
    title: str
    figure: Figure
    caption: str  # what to look for
    alternative: str  # text for readers who cannot see it


def one(height: float) -> tuple[Figure, Axes]:
    """A figure with one set of axes; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def beside(height: float) -> tuple[Figure, list[Axes]]:
    """A figure with two axes side by side that share their rows; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(1, 2, sharey=True))


def grid(names: Sequence[str], draw: Draw, labels: tuple[str, str] = ("", ""), shared: bool = True) -> Figure:
    """One panel per name; `shared` axes have common `labels` of x and y."""
    columns = min(3 if shared else 2, len(names))
    rows = -(-len(names) // columns)
    tall = 0.8 + (1.5 if shared else 2.3) * rows
    figure = Figure(figsize=(WIDTH, tall), layout="constrained" if shared else None)
    axes = list(figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False).flat)
    if not shared:  # a layout engine cannot fit colour bars and labels of many panels
        figure.subplots_adjust(0.65 / WIDTH, 0.5 / tall, 1 - 0.1 / WIDTH, 1 - 0.95 / tall, 0.45, 0.6)
    for panel, name in zip(axes, names, strict=False):
        draw(panel, name)
        panel.tick_params(labelsize=8)
    for panel in axes[len(names) :]:
        panel.set_visible(False)
    for panel in axes[max(0, len(names) - columns) : len(names)]:
        panel.tick_params(labelbottom=True)  # the lowest panel of each column, even if the last row is not full
    figure.supxlabel(labels[0], fontsize=9)
    figure.supylabel(labels[1], fontsize=9)
    return figure


def title(axes: Axes, name: str, note: str = "") -> None:
    """Write the name of a panel, shortened if it does not fit, and a note below it."""
    short = name if len(name) <= 30 else f"{name[:29]}…"
    size = min(9, 130 / len(short), 180 / max(1, len(note)))  # a title wider than its axes would squeeze them
    axes.set_title(f"{short}\n{note}" if note else short, fontsize=size)


def name_rows(axes: Axes, names: Sequence[str], heights: Sequence[float]) -> None:
    """Label horizontal rows at `heights` (0 and below) with names, shortened if they do not fit."""
    axes.set_yticks(heights, [name if len(name) <= 26 else f"{name[:25]}…" for name in names])
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    axes.set_ylim(min(heights) - 0.6, 0.6)


def listing(values: Mapping[str, float], digits: int = 4) -> str:
    """Names and values in words, such as `l2 0.5500, large 0.5600`."""
    return ", ".join(f"{name} {value:.{digits}f}" for name, value in values.items())


def legend(figure: Figure, axes: Axes, columns: int = 3) -> None:
    """Draw the legend above the axes, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    place: Any = "outside upper center" if figure.get_layout_engine() else "upper center"
    figure.legend(handles, labels, loc=place, ncols=columns)


def plain_numbers(axis: Axis) -> None:
    """Label a logarithmic axis with 1,000 instead of 10³."""
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def powers(axis: Axis) -> None:
    """Label a logarithmic axis with powers such as 10⁻³."""
    axis.set_major_formatter(lambda value, _: power(round(math.log10(value))))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())


def power(exponent: int) -> str:
    """10 to the power of `exponent`, as text."""
    return "1" if exponent == 0 else f"10{str(exponent).translate(SUPERSCRIPT)}"
