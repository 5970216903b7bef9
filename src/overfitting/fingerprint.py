"""What determines a result, as one short hexadecimal name: configuration, data and code."""

import ast
import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = "overfitting"


def fingerprint(**parts: Any) -> str:
    """SHA-256 of `parts` (JSON-able values) in canonical JSON, first 16 hexadecimal digits."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def code_fingerprint(module: str) -> str:
    """Fingerprint of the code of `module` and of all modules of this package that it imports, however deep.

    Comments and layout do not count: a run need not be repeated for them.
    """
    return fingerprint(**{path.name: ast.dump(ast.parse(path.read_text())) for path in imported_files(module)})


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def imported_files(module: str) -> tuple[Path, ...]:
    """Source files of `module` and of what it imports from this package, lazily or not, sorted by path."""
    files: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in files:
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(name)
        files[name] = Path(spec.origin)
        waiting.extend(_imports(files[name]))
    return tuple(sorted(path for path in files.values() if path.name != "__init__.py"))


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    inside = (name for name in names if name.split(".")[0] == PACKAGE)
    return {name for name in inside if _exists(name)}


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
