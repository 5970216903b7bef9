"""The HIGGS-like events committed with the project, which the source `simulated` made."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overfitting.base.errors import UserError
from overfitting.base.files import replacing
from overfitting.config.sources import BundledData
from overfitting.data.columns import LABEL, NAMES
from overfitting.data.manifest import Provenance
from overfitting.data.sources.simulated.source import METADATA_KEY, digest


def fetch(config: BundledData, destination: Path) -> Provenance:
    """Copy the committed table to `destination`; its provenance is in the file's own metadata.

    Raises:
        UserError: the file is missing, is not Parquet, or has other columns or values than expected.
    """
    path = Path(config.path)
    advice = f"restore it with `git checkout -- {path}`, or simulate it again with `make events`"
    if not path.is_file():
        raise UserError(
            f"data.path={path}: expected the bundled events, found no such file; {advice}; "
            "or choose another source: data=bundled, data=simulated, data=higgs or data=csv"
        )
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"data.path={path}: expected a Parquet file, but {error}; {advice}") from error
    if [(field.name, field.type) for field in table.schema] != [(name, pa.float32()) for name in (LABEL, *NAMES)]:
        raise UserError(
            f"data.path={path}: expected float32 columns {LABEL}, {', '.join(NAMES)}, found "
            f"{', '.join(f'{field.name} ({field.type})' for field in table.schema)}; {advice}; "
            "for your own table, choose data=csv"
        )
    recorded = (table.schema.metadata or {}).get(METADATA_KEY.encode())
    if recorded is None:
        raise UserError(f"data.path={path}: expected metadata with the origin of the rows, found none; {advice}")
    try:
        facts = json.loads(recorded)
        stated = {"source": "bundled", "path": config.path, "made_by": facts["source"]}
        provenance = Provenance.model_validate({**facts, **stated})
    except (ValueError, TypeError, LookupError):
        raise UserError(f"data.path={path}: the metadata with the origin of the rows is damaged; {advice}") from None
    found = digest(np.column_stack([column.to_numpy() for column in table.columns]))
    if found != provenance.sha256:
        raise UserError(
            f"data.path={path}: the SHA-256 of its values is {found}, expected {provenance.sha256}; {advice}"
        )
    with replacing(destination) as partial:
        shutil.copyfile(path, partial)
    return provenance
