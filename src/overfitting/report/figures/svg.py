"""Figures as files, and as SVG elements that take the colours of the page they are in."""

import io
import re
from collections.abc import Sequence
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

from overfitting.report.figures.drawing import COLOURS, styled

SVG, LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
PIXELS_PER_POINT = 1.65  # largest scale on the page


def render(figure: Figure, kind: str, name: str) -> bytes:
    """A figure as PNG or SVG bytes, without dates and random ids, so that the same numbers give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        return _save(figure, kind, "white")


def inline(figure: Figure, name: str, alternative: str) -> str:
    """The figure as an SVG element: ids start with `name`, colours are CSS variables of the page, text stays text."""
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        root = ElementTree.fromstring(_save(figure, "svg", "none"))
    del root[:2]  # metadata, and a style for all elements that the page's style sheet repeats
    used = re.findall(r"#([\w-]+)", " ".join(_references(root)))
    names = {old: f"{name}-{index}" for index, old in enumerate(dict.fromkeys(used), 1)}
    for element in root.iter():
        _shorten(element, names)
    _unwrap(root)
    width = float(root.get("viewBox", "0 0 0 0").split()[2])
    root.attrib = {
        "viewBox": root.get("viewBox", ""),
        "role": "img",
        "aria-label": alternative,
        "style": f"max-width: {width * PIXELS_PER_POINT:.0f}px",
    }
    ElementTree.register_namespace("", SVG)
    return re.sub(r"\n\s*", "", ElementTree.tostring(root, encoding="unicode"))


def share_styles(drawings: Sequence[str]) -> tuple[list[str], str]:
    """Replace the style attributes of all drawings by shared CSS classes; return the drawings and the classes."""
    classes: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return f'{found[1]}class="{classes.setdefault(found[2], f"s{len(classes)}")}"'

    shared = [re.sub(r'(<[^<>]* )style="([^"]*)"', name, drawing) for drawing in drawings]
    return shared, "\n".join(f".{name} {{{style}}}" for style, name in classes.items())


@styled  # Matplotlib creates some texts only when it saves
def _save(figure: Figure, kind: str, background: str) -> bytes:
    target = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(target, format=kind, dpi=180, metadata=metadata, facecolor=background)
    return target.getvalue()


def _references(root: ElementTree.Element) -> list[str]:
    return [element.get(key, "") for element in root.iter() for key in (LINK, "clip-path")]


def _shorten(element: ElementTree.Element, names: dict[str, str]) -> None:
    """Keep only the attributes that a page needs, and round numbers to hundredths of a point."""
    attributes = {key: value for key, value in element.attrib.items() if "rotate(-0 " not in value}
    if attributes.get("id") not in names:
        attributes.pop("id", None)
    if LINK in attributes:
        attributes["href"] = attributes.pop(LINK)
    for key, value in attributes.items():
        if key == "id":
            value = names[value]
        elif key in ("href", "clip-path"):
            value = re.sub(r"#([\w-]+)", lambda found: f"#{names[found[1]]}", value)
        elif key == "style":
            value = _style(value)
        else:
            value = re.sub(r"\s+", " ", _rounded(value)).strip()
        attributes[key] = value
    element.attrib = attributes


def _unwrap(element: ElementTree.Element) -> None:
    """Replace groups without attributes by their children."""
    children = []
    for child in element:
        _unwrap(child)
        children += list(child) if child.tag == f"{{{SVG}}}g" and not child.attrib else [child]
    element[:] = children


def _style(text: str) -> str:
    text = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", text)  # by Matplotlib before 3.10
    text = re.sub(r"font-family:[^;]*(; )?", "", text)
    text = re.sub(r"#[0-9a-f]{6}", lambda found: _variable(found[0]), text)
    return _rounded(text).replace(": ", ":").replace("; ", ";")


def _variable(colour: str) -> str:
    return f"var(--{COLOURS[colour]})" if colour in COLOURS else colour


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d{2,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)
