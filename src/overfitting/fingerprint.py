"""What determines a result, as one short hexadecimal name: configuration, data and code."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA = "config.py"

_ROOT = Path(__file__).parent


def fingerprint(**parts: Any) -> str:
    """SHA-256 of `parts` (JSON-able values) in canonical JSON, first 16 hexadecimal digits."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def code_fingerprint(module: str) -> str:
    """Fingerprint of the code of `module` and of all modules of this package that it imports, however deep.

    Comments, docstrings and layout do not count, nor does the schema of the configuration, whose values have a
    fingerprint of their own: a run need not be repeated for them.
    """
    counted = [path for path in imported_files(module) if path.name != SCHEMA]
    return fingerprint(**{path.name: ast.dump(_without_docstrings(path)) for path in counted})


def _without_docstrings(path: Path) -> ast.Module:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return tree


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def imported_files(module: str) -> tuple[Path, ...]:
    """Source files of `module` and of what it imports from this package, lazily or not, sorted by path.

    Found by reading, not by importing: a stage that needs no TensorFlow must not load it here.
    """
    found: set[Path] = set()
    waiting = {module}
    while waiting:
        path = _source(waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting |= _imports(path)
    return tuple(sorted(found))


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _source(name: str) -> Path | None:
    """The file of a module of this package; None for other packages, for folders and for names in a module."""
    package, *parts = name.split(".")
    path = _ROOT.joinpath(*parts).with_suffix(".py")
    return path if package == _ROOT.name and parts and path.is_file() else None
