"""Figures as files, and as SVG elements that take the colours of the page they are in."""

import io
import re
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure

from overfitting.evaluation.language import translated
from overfitting.report.figures.drawing import COLOURS, Picture, styled

SVG, LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
PIXELS_PER_POINT = 1.65  # largest scale on the page


def render(figure: Figure, kind: str, name: str) -> bytes:
    """A figure as PNG or SVG bytes, without dates and random ids, so that the same numbers give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        return _save(figure, kind, "white")


def inline(picture: Picture, classes: dict[str, str]) -> str:
    """The figure of a picture as an SVG element of the page, with its texts in the reader's language.

    Ids start with the picture's name, colours are CSS variables of the page, text stays text, and styles are CSS
    classes: `classes` collects their names by style.
    """
    name = picture.name
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        root = ElementTree.fromstring(_save(picture.figure, "svg", "none"))  # noqa: S314 - our own
    del root[:2]  # metadata, and a style for all elements that the page's style sheet repeats
    box = root.get("viewBox", "")
    attributes = {"viewBox": box, "role": "img", "aria-label": picture.alternative}
    attributes["class"] = _class(f"max-width: {float(box.split()[2]) * PIXELS_PER_POINT:.0f}px", classes)
    references = " ".join(element.get(key, "") for element in root.iter() for key in (LINK, "clip-path"))
    used = re.findall(r"#([\w-]+)", references)
    names = {old: f"{name}-{index}" for index, old in enumerate(dict.fromkeys(used), 1)}
    for element in root.iter():
        _shorten(element, names, classes)
        element.text = translated(element.text or "")
    _unwrap(root)
    root.attrib = attributes
    ElementTree.register_namespace("", SVG)
    return re.sub(r"\n\s*", "", ElementTree.tostring(root, encoding="unicode"))


def _class(style: str, classes: dict[str, str]) -> str:
    return classes.setdefault(style, f"s{len(classes)}")


@styled  # Matplotlib creates some texts only when it saves
def _save(figure: Figure, kind: str, background: str) -> bytes:
    target = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(target, format=kind, dpi=180, metadata=metadata, facecolor=background)
    return target.getvalue()


def _shorten(element: ElementTree.Element, names: dict[str, str], classes: dict[str, str]) -> None:
    """Keep only the attributes that a page needs, and round numbers to hundredths of a point."""
    attributes = {}
    for key, value in element.attrib.items():
        if key == "clip-path":
            attributes[key] = f"url(#{names[value[5:-1]]})"
        elif key == "style":
            attributes["class"] = _class(_style(value), classes)
        elif key == "id" and value in names:
            attributes[key] = names[value]
        elif key not in ("id", LINK) and "rotate(-0 " not in value:
            attributes[key] = re.sub(r"\s+", " ", _rounded(value)).strip()
    if LINK in element.attrib:
        attributes["href"] = f"#{names[element.attrib[LINK][1:]]}"
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
    for colour, name in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return _rounded(text).replace(": ", ":").replace("; ", ";")


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d{2,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), text)
