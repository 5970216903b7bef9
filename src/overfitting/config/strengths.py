"""Strengths of the remedies: the keys that a variant can set besides its network. Each remedy declares its own."""

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True)
class Strength:
    """Type of a remedy's strength, the value at which the remedy is off, and what it does, for people."""

    kind: TypeAdapter[Any]
    off: Any
    about: str


# By the name of the remedy. `overfitting.training.remedies` fills it, which is imported with the package.
STRENGTHS: dict[str, Strength] = {}
