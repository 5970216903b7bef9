"""The reader's language: sentences are English templates in the code, and zh.json has their translations."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["en", "zh"]
BOUNDARY = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9%])(?=[\u4e00-\u9fff])")  # takes a space
_language: ContextVar[Language] = ContextVar("language", default="en")


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Make `say` and `translated` speak that language."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def say(template: str, **values: object) -> str:
    """The sentence with its values, such as `say("{count} seeds", count=3)`."""
    sentence = translated(template).format(**values)
    return sentence if _language.get() == "en" else BOUNDARY.sub(" ", sentence)


def translated(text: str) -> str:
    """A fixed text in the reader's language; a text without a translation, such as a name, stays as it is."""
    return text if _language.get() == "en" else _chinese().get(text, text)


def joined(*sentences: str) -> str:
    """Sentences one after the other; Chinese has no spaces between them."""
    return (" " if _language.get() == "en" else "").join(filter(None, sentences))


def capital(text: str) -> str:
    """A sentence that starts with a name."""
    return text[:1].upper() + text[1:] if _language.get() == "en" else text


@cache
def _chinese() -> dict[str, str]:
    found: dict[str, str] = json.loads((resources.files(__package__) / "zh.json").read_text(encoding="utf-8"))
    return found
