"""A project that was moved or copied: MLflow's database holds absolute addresses of artifacts, which must follow."""

import sqlite3
from contextlib import closing
from pathlib import Path

ADDRESSES = (  # columns of MLflow's database
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def replace(database: Path, old: str, new: str) -> None:
    """Replace the start `old` of all addresses in the database by `new`."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in ADDRESSES:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} || '/' LIKE ? || '/%'",  # noqa: S608
                (new, len(old) + 1, old),
            )
