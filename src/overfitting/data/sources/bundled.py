"""The HIGGS-like events that are committed with the project: `simulated` made them once, and anyone can again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overfitting.base.errors import UserError
from overfitting.config.schema import BundledData
from overfitting.data.columns import LABEL, NAMES
from overfitting.data.sources.simulated.source import METADATA_KEY, digest


def fetch(config: BundledData, destination: Path) -> dict[str, Any]:
    """Copy the committed table to `destination`; return where its rows come from, as the file itself records.

    Raises UserError where the file is missing, has other columns, or is not as it was written.
    """
    path = Path(config.path)
    facts = _check(path)
    partial = destination.with_suffix(".partial")
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, partial)
    partial.replace(destination)
    return {**facts, "source": "bundled", "path": config.path, "made_by": facts["source"]}


def _check(path: Path) -> dict[str, Any]:
    """What the file says of itself, once its columns and values agree with it."""
    advice = f"restore it with `git checkout -- {path}`, or make it anew with `make events`"
    if not path.is_file():
        raise UserError(
            f"data.path={path}: expected the bundled events, found no such file; {advice}; "
            "or choose another source: data=bundled, data=simulated, data=higgs or data=csv"
        )
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"data.path={path}: expected a Parquet file, but {error}; {advice}") from error
    expected = [(name, pa.float32()) for name in (LABEL, *NAMES)]
    if [(field.name, field.type) for field in table.schema] != expected:
        raise UserError(
            f"data.path={path}: expected float32 columns {LABEL}, {', '.join(NAMES)}, found "
            f"{', '.join(f'{field.name} ({field.type})' for field in table.schema)}; {advice}; "
            "a table of your own is data=csv"
        )
    recorded = (table.schema.metadata or {}).get(METADATA_KEY.encode())
    if recorded is None:
        raise UserError(f"data.path={path}: expected a file that says where its rows come from; {advice}")
    facts: dict[str, Any] = json.loads(recorded)
    found = digest(np.column_stack([column.to_numpy() for column in table.columns]))
    if found != facts["sha256"]:
        raise UserError(f"data.path={path}: the SHA-256 of its values is {found}, expected {facts['sha256']}; {advice}")
    return facts
