"""Typed JSON files: what one stage writes and another reads, checked in both directions."""

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from overfitting.base import files
from overfitting.base.errors import UserError


class Record(BaseModel):
    """Base of the classes that say which keys a JSON file has; frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

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
            UserError: it is no JSON, or not of this class.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = [_problem(found) for found in error.errors(include_url=False)]
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise UserError(
                f"{name}: expected the {cls.__name__} that this version writes; {problems[0]}{more}; "
                "make it again with `dvc repro --force` and the name of its stage"
            ) from None

    def write(self, path: Path) -> None:
        """Write JSON for people and diffs, atomically; infinite numbers and NaN are refused, since JSON has none."""
        files.write_json(path, self.as_json())

    def as_json(self) -> Any:
        """The record as plain JSON values."""
        return json.loads(json.dumps(self.model_dump(mode="json", exclude_none=False), allow_nan=False))


def _problem(found: Any) -> str:
    where = ".".join(map(str, found["loc"]))
    message = f"{found['msg'][:1].lower()}{found['msg'][1:]}"
    return f"{where}: {message}" if where else message
