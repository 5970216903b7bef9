"""What a figure shows: lines, markers and names of rows."""


def lines(axes, label):
    return [line for line in axes.lines if line.get_label() == label]


def names_on(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def points(axes):
    """Lines of a single point, by its position (x, y)."""
    drawn = [line for line in axes.lines if len(line.get_xdata()) == 1]
    return {(line.get_xdata()[0], line.get_ydata()[0]): line for line in drawn}


def legend_is_clear(figure, path):
    """Whether the legend lies inside the figure and covers no axes."""
    figure.savefig(path)
    legend = figure.legends[0].get_window_extent()
    inside = figure.bbox.x0 <= legend.x0 < legend.x1 <= figure.bbox.x1
    return inside and not legend.overlaps(figure.axes[0].get_window_extent())


def panels_are_readable(picture, number, path):
    """Whether all panels show, no titles overlap or leave the figure, and each column has labels on its x axis."""
    figure = picture.figure
    figure.savefig(path)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    boxes = [text.get_window_extent() for axes in shown for text in (axes.title, *axes.texts)]
    lowest = {round(axes.get_position().x0, 3): axes for axes in sorted(shown, key=lambda a: -a.get_position().y0)}
    return (
        len(shown) == number
        and not any(a.overlaps(b) for index, a in enumerate(boxes) for b in boxes[:index] if a.width and b.width)
        and all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
        and all(any(label.get_visible() for label in axes.get_xticklabels()) for axes in lowest.values())
    )
