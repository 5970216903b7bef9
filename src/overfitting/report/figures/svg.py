"""Figures as files, and as SVG elements that take the colours of the page they are in."""

import io
import re
from xml.etree import ElementTree

import matplotlib as mpl

from overfitting.evaluation.language import translated
from overfitting.report.figures.drawing import COLOURS, Picture, styled

SVG, LINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
PIXELS_PER_POINT = 1.65  # largest scale on the page


@styled  # Matplotlib creates some texts only when it saves
def render(picture: Picture, kind: str, text_as: str = "path", background: str = "white") -> bytes:
    """A figure as PNG or SVG bytes, without dates and random ids, so that the same numbers give the same bytes."""
    target, metadata = io.BytesIO(), {"Date": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": picture.name, "svg.fonttype": text_as}):
        picture.figure.savefig(target, format=kind, dpi=180, metadata=metadata, facecolor=background)
    return target.getvalue()


def inline(picture: Picture, drawn: bytes, classes: dict[str, str]) -> str:
    """A picture as an SVG element of the page, with its texts in the reader's language.

    `drawn` is its SVG with text as text. Ids start with the picture's name, colours are CSS variables of the page, and
    styles are CSS classes: `classes` collects their names by style.
    """
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    del root[:2]  # metadata, and a style for all elements that the page's style sheet repeats
    box = root.get("viewBox", "")
    attributes = {"viewBox": box, "role": "img", "aria-label": picture.alternative}
    attributes["class"] = _class(f"max-width: {float(box.split()[2]) * PIXELS_PER_POINT:.0f}px", classes)
    references = " ".join(element.get(key, "") for element in root.iter() for key in (LINK, "clip-path"))
    used = re.findall(r"#([\w-]+)", references)
    names = {old: f"{picture.name}-{index}" for index, old in enumerate(dict.fromkeys(used), 1)}
    for element in root.iter():
        element.attrib = _shortened(element.attrib, names, classes)
        element.text = translated(element.text or "")
    _unwrap(root)
    root.attrib = attributes
    ElementTree.register_namespace("", SVG)
    return re.sub(r"\n\s*", "", ElementTree.tostring(root, encoding="unicode"))


def _class(style: str, classes: dict[str, str]) -> str:
    return classes.setdefault(style, f"s{len(classes)}")


def _shortened(attributes: dict[str, str], names: dict[str, str], classes: dict[str, str]) -> dict[str, str]:
    """The attributes that a page needs, with numbers rounded to hundredths of a point."""
    found = {}
    for key, value in attributes.items():
        if key == "clip-path":
            found[key] = f"url(#{names[value[5:-1]]})"
        elif key == "style":
            found["class"] = _class(_style(value), classes)
        elif key == "id" and value in names:
            found[key] = names[value]
        elif key not in ("id", LINK) and "rotate(-0 " not in value:
            found[key] = re.sub(r"\s+", " ", _rounded(value)).strip()
    return found | ({"href": f"#{names[attributes[LINK][1:]]}"} if LINK in attributes else {})


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
