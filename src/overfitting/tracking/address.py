"""Where MLflow's database and artifacts are, and how messages show such addresses: without secrets."""

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

ADDRESSES = (  # columns of MLflow's database that hold absolute addresses of artifacts
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def main_project(root: Path) -> Path:
    """Folder with the MLflow database: of the project itself for a copy under .dvc/tmp/exps/, which DVC deletes."""
    copied = (folder.parents[2] for folder in root.resolve().parents if folder.parts[-3:] == (".dvc", "tmp", "exps"))
    return next(copied, root)


def tracking_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI, or the database in the project's folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{main_project(root) / 'mlflow.db'}"


def without_secrets(text: str, address: str = "") -> str:
    """First line of `text`, with addresses reduced to scheme, host and path, and without queries, which hold tokens.

    Libraries quote parts of an address that they cannot read, so words of its secret parts are hidden, too.
    """
    line = (text.splitlines() or [""])[0]
    user, at, _ = address.partition("://")[2].rpartition("@")
    for word in {*re.split(r"[:/@?&=#]", user if at else ""), *re.split(r"[&=]", address.partition("?")[2])} - {""}:
        line = re.sub(rf"(?<!\w){re.escape(unquote(word))}(?!\w)", "…", line)
    return re.sub(r"\?[^\s'\"]+", "", re.sub(r"(\w[\w+.-]*://)([^\s'\"]*)", _public, line))


def _public(address: re.Match[str]) -> str:
    """What follows the last @, unless a query before it makes that unsafe: a password may hold any character."""
    user, _, host = address[2].rpartition("@")
    return address[1] + ("…" if "?" in user else re.split("[?#]", host)[0])


def move(database: Path, old: str, new: str) -> None:
    """In a project that was moved or copied: replace the start `old` of all addresses of artifacts by `new`."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in ADDRESSES:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} || '/' LIKE ? || '/%'",  # noqa: S608
                (new, len(old) + 1, old),
            )
