"""Reads YAML files of the configuration, and the names of such files, before Hydra composes them."""

import os
import re
from collections.abc import Iterable
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from overfitting.base.errors import UserError
from overfitting.base.files import State, file_state

CONF = Path("conf")
EXPERIMENT = "experiment"  # the group whose files state any keys of params.yaml
SHOWN = 120  # characters of a value in an error message
_NAME = re.compile(r"\w[\w.+-]*(/\w[\w.+-]*)*", re.ASCII)  # of a choice; not absolute and without `..`
_PACKAGE = re.compile(r"^\s*#\s*@package\s+(\S+)", re.MULTILINE)
_MARKS = {"UTF-32": (b"\xff\xfe\0\0", b"\0\0\xfe\xff"), "UTF-16": (b"\xff\xfe", b"\xfe\xff")}


def read_mapping(path: Path) -> dict[str, Any]:
    """Content of a YAML file: UTF-8, plain types, each key once, no aliases. An empty file has no keys.

    Raises UserError if the file cannot be read, or is something else.
    """
    try:
        return _read(path, file_state(path))
    except OSError as error:
        raise UserError(f"{path}: expected a YAML file with keys and values; {error.strerror or error}") from None


@cache
def _read(path: Path, _: State) -> dict[str, Any]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise UserError(f"{path}: expected plain values, found an alias (*name); write the value out instead")
        # OmegaConf's loader is yaml's safe one, which runs no code, and refuses a key that is stated twice
        loaded = OmegaConf.to_container(OmegaConf.load(StringIO(text))) if text.strip("\ufeff") else {}
    except UnicodeDecodeError:
        raise UserError(f"{path}: {not_utf8(path, content)}") from None
    except RecursionError:
        raise UserError(f"{path}: values are nested too deeply") from None
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, LookupError) as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: expected keys and values (`key: value`), got {shown(loaded)}")
    return {str(key): value for key, value in loaded.items()}


def not_utf8(path: Path, content: bytes) -> str:
    """Which encoding the start of a file has instead of UTF-8, and how to convert it."""
    encoding = next((name for name, marks in _MARKS.items() if content.startswith(marks)), None)
    if encoding is None and b"\0" in content:
        return "expected text in UTF-8, found binary data; put a text file here"
    found, source = (encoding, encoding) if encoding else ("another encoding, such as Latin-1", "LATIN1")
    plain, unpack = (path.with_suffix(""), "unpack it, ") if path.suffix == ".gz" else (path, "")
    command = f"iconv -f {source} -t UTF-8 {plain} > converted{plain.suffix}"
    return f"expected text in UTF-8, found {found}; {unpack}convert it: {command}"


def groups() -> set[str]:
    """Names of the folders of conf/."""
    return {path.name for path in CONF.iterdir() if path.is_dir()}


def names_in(group: str) -> list[str]:
    """Names of the files of conf/`group`/, without their ending."""
    folder = CONF / group
    return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml"))


def check_names(key: str, names: Iterable[Any], group: str) -> None:
    """Raise a UserError that names those of `names`, values of `key`, that are no files of conf/`group`/."""
    known = names_in(group)
    if unknown := [name for name in names if name not in known or not _NAME.fullmatch(name)]:
        listed = ", ".join(map(shown, unknown))
        raise UserError(f"{key}: got {listed}, expected one of {', '.join(known)} (files of {CONF / group}/)")


def check_choice(group: str, name: Any) -> None:
    """Raise a UserError unless conf/`group`/ has the file `name`, and it sets nothing but keys of its group."""
    check_names(group, [name], group)
    path = CONF / group / f"{name}.yaml"
    if not (target := Path(os.path.realpath(path))).is_relative_to(CONF.resolve()):
        raise UserError(f"{path}: expected a file in {CONF}/, found a link to {target}; copy that file here")
    if "defaults" in read_mapping(path):
        raise UserError(f"{path}: `defaults` belongs in conf/config.yaml alone; write the values out")
    package = _PACKAGE.search(path.read_text(encoding="utf-8"))
    found, expected = package[1] if package else group, "_global_" if group == EXPERIMENT else group
    if found != expected:
        raise UserError(f"{path}: expected `# @package {expected}` in its first line, got `# @package {found}`")


def shown(value: Any) -> str:
    """The value as a message shows it."""
    try:
        text = repr(value)
    except ValueError:  # more digits than Python writes
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
