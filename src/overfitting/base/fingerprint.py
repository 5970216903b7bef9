"""Fingerprints: short hexadecimal names of configuration, data, code and library versions."""

import ast
import hashlib
import json
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from overfitting.base.errors import UserError
from overfitting.base.files import State, file_state
from overfitting.base.records import Record

Found = TypeVar("Found", bound=Record)

_ROOT = Path(__file__).parents[1]
_UNCOUNTED = {_ROOT / "config", _ROOT / "base"}
_SAME = {"tensorflow": "tensorflow-cpu"}  # distributions of one library: the second computes the same, without GPUs


def fingerprint(**parts: Any) -> str:
    """SHA-256 of `parts` (JSON-able values) in canonical JSON, first 16 hexadecimal digits."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def read_matching(kind: type[Found], path: Path, fingerprint: str) -> Found | None:
    """The record in `path` if it is there, undamaged, and states this `fingerprint`; else None."""
    try:
        found = kind.read(path) if path.is_file() else None
    except UserError:
        return None
    return found if getattr(found, "fingerprint", None) == fingerprint else None


def code_digests(module: str) -> tuple[str, ...]:
    """Digests of the code of `module` and of every module of this package that it imports, directly or not; sorted.

    Only what computes counts: the syntax trees without docstrings and without imports inside the package, whatever
    the files are called. So moving or documenting code changes nothing. The wings `config` and `base` do not count: the
    values of the configuration have a fingerprint of their own, and `base` reads and writes files but computes nothing.
    """
    counted = [path for path in imported_files(module) if not _UNCOUNTED & set(path.parents)]
    return tuple(sorted(_syntax(path, file_state(path)) for path in counted))


def library_versions(*packages: str) -> dict[str, str]:
    """Installed version of each package, under the same name whichever distribution provides it."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = version(_SAME.get(name, name))
    return found


def processor() -> str:
    """The kind of processor as far as results depend on it: machine and vector extensions, such as `x86_64 X86_V3`."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    return f"{platform.machine()} {[*extensions['baseline'], *extensions['found']][-1]}"


@cache
def _syntax(path: Path, _: State) -> str:
    """Digest of the code of a file, reduced to what computes."""
    reduced = _Reduced().visit(ast.parse(path.read_text(encoding="utf-8")))
    return hashlib.sha256(ast.unparse(reduced).encode()).hexdigest()


class _Reduced(ast.NodeTransformer):
    """Removes docstrings and imports inside this package from a syntax tree."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Import):
            node.names = [alias for alias in node.names if alias.name.split(".")[0] != _ROOT.name]
            return node if node.names else None
        if isinstance(node, ast.ImportFrom):
            return None if (node.module or "").split(".")[0] == _ROOT.name else node
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            del node.body[0]
        return self.generic_visit(node)


def imported_files(module: str) -> tuple[Path, ...]:
    """Source files of `module` and of what it imports from this package, lazily or not, sorted by path.

    Found by reading, not by importing, because a stage that needs no TensorFlow must not load it here.
    """
    found, waiting = set[Path](), {module}
    while waiting:
        path = _source(waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting |= _imports(path, file_state(path))
    return tuple(sorted(found))


@cache
def _imports(path: Path, _: State) -> frozenset[str]:
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def _source(name: str) -> Path | None:
    """The file of a module or folder of this package; None for other packages and for names inside a module."""
    package, *parts = name.split(".")
    if package != _ROOT.name or not parts:
        return None
    path = _ROOT.joinpath(*parts)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
