"""Typed JSON files: what one stage writes and another reads, checked in both directions."""

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from overfitting.base import files


class Record(BaseModel):
    """Base of the classes that say which keys a JSON file has; frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
    has_checksum: ClassVar[bool] = False  # whether the file states a checksum of its content

    @classmethod
    def read(cls, path: Path) -> Self:
        """Content of `path`.

        Raises:
            UserError: the file is missing, is no JSON, or is not of this class.
        """
        return cls.parse(files.read_text(path), str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """The record that the JSON `text` holds; `name` says where it comes from.

        Raises:
            UserError: it is no JSON, not of this class, or damaged.
        """
        try:
            plain, is_intact = _without_checksum(text) if cls.has_checksum else (text, True)
            found = cls.model_validate_json(plain)
            if is_intact:
                return found
            problem = "its content is not that of its checksum"
        except ValidationError as error:
            problems = [_problem(found) for found in error.errors(include_url=False)]
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            problem = f"{problems[0]}{more}"
        except ValueError as error:
            problem = str(error)
        raise files.unusable(Path(name), f"expected the {cls.__name__} that this version writes; {problem}")

    def write(self, path: Path) -> None:
        """Write JSON for people and diffs, atomically; infinite numbers and NaN are refused, since JSON has none."""
        content = self.as_json()
        files.write_json(path, {**content, "checksum": _checksum(content)} if self.has_checksum else content)

    def as_json(self) -> Any:
        """The record as plain JSON values."""
        return json.loads(json.dumps(self.model_dump(mode="json", exclude_none=False), allow_nan=False))


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _without_checksum(text: str) -> tuple[str, bool]:
    """JSON without its checksum, and whether that is the checksum of the content."""
    content = json.loads(text)
    stated = content.pop("checksum", None) if isinstance(content, dict) else None
    return json.dumps(content), stated == _checksum(content)


def _problem(found: Any) -> str:
    where = ".".join(map(str, found["loc"]))
    message = f"{found['msg'][:1].lower()}{found['msg'][1:]}"
    return f"{where}: {message}" if where else message
