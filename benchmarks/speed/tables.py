"""Large generated tables, kept in a temporary folder: HIGGS files, and rows as `download` writes them."""

import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from overfitting.data.columns import NAMES
from overfitting.data.events import table_schema, write_table
from overfitting.data.manifest import Provenance

FOLDER = Path(tempfile.gettempdir()) / "overfitting-bench-tables"
BLOCK_ROWS = 10_000
FORMAT = ",".join(["%.18e"] * 29) + "\n"  # that of UCI


def block(index: int) -> npt.NDArray[np.float32]:
    """Rows (BLOCK_ROWS, 29) with the label first; columns are normal, lognormal or take three values, as in HIGGS."""
    rng = np.random.default_rng(index)
    values = rng.normal(size=(BLOCK_ROWS, 29))
    values[:, 1::3] = np.exp(values[:, 1::3] / 2)
    values[:, 9:25:4] = rng.integers(0, 3, (BLOCK_ROWS, 4)) * 1.08653
    values[:, 0] = rng.integers(0, 2, BLOCK_ROWS)
    return values.astype(np.float32)


def higgs_file(rows: int) -> Path:
    """A gzip file of `rows` generated rows in the format of HIGGS, about 300 bytes each."""
    path = FOLDER / f"HIGGS-{rows}.csv.gz"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial")
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        with partial.open("wb") as file, ThreadPoolExecutor(1) as pool:
            packed = pool.submit(bytes)
            for index in range(rows // BLOCK_ROWS):
                text = "".join(FORMAT % tuple(row) for row in block(index).tolist()).encode()
                file.write(packed.result())
                packed = pool.submit(packer.compress, text)
            file.write(packed.result() + packer.flush())
        partial.rename(path)
    return path


def events_project(rows: int) -> Path:
    """A folder with data/raw/ of `rows` generated rows, as `download` leaves it."""
    folder = FOLDER / f"events-{rows}"
    if not (folder / "data/raw/provenance.json").exists():
        batches = (
            pa.RecordBatch.from_arrays([pa.array(column) for column in block(index).T], schema=table_schema())
            for index in range(rows // BLOCK_ROWS)
        )
        write_table(folder / "data/raw/events.parquet", batches, use_dictionary=False)
        facts = dict.fromkeys(("source", "licence", "citation", "sha256", "sha256_of"), "generated")
        Provenance(**facts, rows=rows, columns=NAMES).write(folder / "data/raw/provenance.json")
    return folder
