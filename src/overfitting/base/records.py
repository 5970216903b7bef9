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
        """Content of `path`; raises UserError if the file is missing, is no JSON, or is not of this class."""
        return cls.parse(files.read_text(path), str(path))

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """The record in the JSON `text` of the file `name`; raises UserError if there is none, or it is damaged."""
        try:
            content = json.loads(text) if cls.has_checksum else None
            stated = content.pop("checksum", None) if isinstance(content, dict) else None
            found = cls.model_validate_json(json.dumps(content) if cls.has_checksum else text)
            if not cls.has_checksum or stated == _checksum(content):
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
        return json.loads(json.dumps(self.model_dump(mode="json"), allow_nan=False))


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _problem(found: Any) -> str:
    where = ".".join(map(str, found["loc"]))
    message = f"{found['msg'][:1].lower()}{found['msg'][1:]}"
    return f"{where}: {message}" if where else message
