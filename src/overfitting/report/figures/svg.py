"""Figures as bytes: files of their own, and vector graphics that are part of a page and take its colours."""

import io
import re
from collections.abc import Sequence
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

from overfitting.report.figures.drawing import COLOURS, styled

SVG, LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
PIXELS_A_POINT = 1.65  # how large the page shows it at most


def render(figure: Figure, kind: str, name: str) -> bytes:
    """Bytes of a figure, without dates and random names, so that they follow from the numbers."""
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        return _save(figure, kind, "white")


def inline(figure: Figure, name: str, alternative: str) -> str:
    """The figure as an element of a page: `name` begins its ids, colours are the page's variables, text is text."""
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        root = ElementTree.fromstring(_save(figure, "svg", "none"))
    del root[:2]  # when and with what it was made; a style for all elements, which the page's own style has
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
        "style": f"max-width: {width * PIXELS_A_POINT:.0f}px",
    }
    ElementTree.register_namespace("", SVG)
    return re.sub(r"\n\s*", "", ElementTree.tostring(root, encoding="unicode"))


def share_styles(drawings: Sequence[str]) -> tuple[list[str], str]:
    """The drawings of a page with classes in place of styles, most of which they have in common; and the classes."""
    classes: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        return f'{found[1]}class="{classes.setdefault(found[2], f"s{len(classes)}")}"'

    shared = [re.sub(r'(<[^<>]* )style="([^"]*)"', name, drawing) for drawing in drawings]
    return shared, "\n".join(f".{name} {{{style}}}" for style, name in classes.items())


@styled  # Matplotlib makes some of its texts only now
def _save(figure: Figure, kind: str, background: str) -> bytes:
    target = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(target, format=kind, dpi=180, metadata=metadata, facecolor=background)
    return target.getvalue()


def _references(root: ElementTree.Element) -> list[str]:
    return [element.get(key, "") for element in root.iter() for key in (LINK, "clip-path")]


def _shorten(element: ElementTree.Element, names: dict[str, str]) -> None:
    """Keep of the attributes what a page needs, numbers at a hundredth of a point."""
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
    """Replace groups that say nothing by what is in them."""
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
