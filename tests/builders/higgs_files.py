"""Files of random numbers in the format of HIGGS, and configurations for them."""

import gzip
import hashlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from overfitting.config.sources import HiggsData
from overfitting.data.columns import LABEL, NAMES


def higgs_text(rows: int, seed: int = 0) -> bytes:
    """Lines in the format of UCI: float32 values with 18 digits after the decimal point."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, (rows, 1))
    values = np.hstack([label, rng.normal(size=(rows, 28))]).astype(np.float32)
    buffer = io.BytesIO()
    np.savetxt(buffer, values, fmt="%.18e", delimiter=",")
    return buffer.getvalue()


def zipped(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def values_of(text: bytes) -> npt.NDArray[np.float32]:
    return np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.float32, ndmin=2)


def first_lines(text: bytes, rows: int) -> bytes:
    return b"".join(text.splitlines(keepends=True)[:rows])


def read_events(path: Any) -> npt.NDArray[np.float32]:
    table = pq.read_table(path)
    assert table.column_names == [LABEL, *NAMES]
    return np.column_stack([column.to_numpy() for column in table.columns])


def higgs_config(*urls: str, whole: bytes = b"whole", **changes: Any) -> HiggsData:
    """A configuration whose published file is `whole`."""
    values: dict[str, Any] = {
        "source": "higgs",
        "rows": None,
        "path": None,
        "urls": urls or ("http://127.0.0.1:9/HIGGS.csv.gz",),
        "sha256": hashlib.sha256(whole).hexdigest(),
        "size_bytes": len(whole),
        "timeout_seconds": 10.0,
        "retries": 3,
    }
    return HiggsData(**(values | changes))
