"""Genuine HIGGS events: the first rows streamed from UCI, the whole file downloaded, or a local file."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa

from overfitting.base.errors import UserError
from overfitting.base.progress_bar import Tracker, track
from overfitting.config.schema import HiggsData
from overfitting.data.columns import NAMES, write_table
from overfitting.data.sources.higgs.download import CHUNK_BYTES, Remote
from overfitting.data.sources.higgs.mirrors import DownloadError, from_mirrors
from overfitting.data.sources.higgs.text import FormatError, decompress, line_blocks, parse
from overfitting.data.sources.higgs.whole_file import is_kept, save, sha256_of

DOWNLOADS = Path("data/downloads")  # ignored by git; relative to the folder of the project, where the stages run
FILE_NAME = "HIGGS.csv.gz"
CITATION = (
    "Baldi, P., Sadowski, P., Whiteson, D. (2014). Searching for exotic particles in high-energy physics with deep "
    "learning. Nature Communications 5, 4308. HIGGS, UCI Machine Learning Repository, doi:10.24432/C5V312."
)
ADVICE = (
    "Check the network, set data.path to a HIGGS.csv.gz of yours, "
    "or choose other events: data=bundled, data=simulated or data=csv."
)


def fetch(config: HiggsData, destination: Path) -> dict[str, Any]:
    """Write the events that `config` names to `destination`, a table of events, and return where they came from.

    With `rows`, the `sha256` returned is that of the first `rows` lines, decompressed; without, that of the whole
    file as it is kept, and `checked` says whether it is the published one. Raises UserError when the rows cannot be
    had; no other source is ever taken instead.
    """
    if config.path is not None:
        path = _local_path(config.path)
        sha256 = None if config.rows else _sha256_of_own(path, config)
        return _read(path, config.path, sha256, config, destination)
    if config.rows is not None:
        rows = config.rows
        return from_mirrors(config.urls, lambda url: _stream(url, rows, config, destination), ADVICE)
    target = DOWNLOADS / FILE_NAME
    is_here = is_kept(target, config.size_bytes, config.sha256)
    origin = str(target) if is_here else from_mirrors(config.urls, lambda url: _save(url, config, target), ADVICE)
    return _read(target, origin, config.sha256, config, destination)


def _stream(url: str, rows: int, config: HiggsData, destination: Path) -> dict[str, Any]:
    remote = Remote(url, config.timeout_seconds, config.retries)
    with closing(remote.chunks()) as chunks, track(rows, "Downloading HIGGS", "rows") as bar:
        try:
            written = _write(chunks, url, rows, bar, destination)
        except FormatError as error:
            raise DownloadError(str(error)) from error
    return _provenance(url, *written, None, config)


def _save(url: str, config: HiggsData, target: Path) -> str:
    save(Remote(url, config.timeout_seconds, config.retries), target, config.size_bytes, config.sha256)
    return url


def _read(path: Path, origin: str, sha256: str | None, config: HiggsData, destination: Path) -> dict[str, Any]:
    """Write a local file, or its first `config.rows` rows; `sha256` is that of the file where all of it counts."""
    rows = config.rows
    total, unit = (path.stat().st_size, "bytes") if rows is None else (rows, "rows")
    with track(total, f"Reading {path.name}", unit) as bar, closing(_file_chunks(path, rows, bar)) as chunks:
        try:
            written = _write(chunks, str(path), rows, bar, destination)
        except FormatError as error:
            raise UserError(f"{path}: {error}") from error
    return _provenance(origin, *written, sha256, config)


def _write(chunks: Iterator[bytes], name: str, rows: int | None, bar: Tracker, destination: Path) -> tuple[int, str]:
    """Return the number of rows written, and the SHA-256 of their lines."""
    digest = hashlib.sha256()

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for text in line_blocks(decompress(chunks), rows):
            batch = parse(text, done + 1)
            digest.update(text)
            done += batch.num_rows
            if rows is not None:
                bar.advance(batch.num_rows)
            yield batch
        if not done:
            raise FormatError("it is empty")
        if rows is not None and done < rows:
            raise UserError(
                f"{name} holds {done:,} rows, but data.rows asks for {rows:,}: set data.rows={done} or less"
            )

    return write_table(destination, batches()), digest.hexdigest()


def _provenance(origin: str, rows: int, text_sha256: str, sha256: str | None, config: HiggsData) -> dict[str, Any]:
    return {
        "source": "higgs",
        "url": origin,
        "licence": "CC BY 4.0",
        "citation": CITATION,
        "rows": rows,
        "columns": list(NAMES),
        "part": "the whole file" if sha256 else f"the first {rows:,} rows",
        "sha256": sha256 or text_sha256,
        "sha256_of": "the file" if sha256 else f"the first {rows:,} lines of text, decompressed",
        "checked": sha256 == config.sha256,
    }


def _local_path(given: str) -> Path:
    parts = urlsplit(given)
    if parts.scheme in ("http", "https"):
        raise UserError(f"data.path={given}: expected a file on this machine; set data.urls=[{given}] for a download")
    path = Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(given).expanduser()
    if not path.is_file():
        raise UserError(f"data.path={given}: expected a file (HIGGS.csv.gz or a part of it), found none at {path}")
    return path


def _sha256_of_own(path: Path, config: HiggsData) -> str:
    """SHA-256 of a file of one's own: it may be any part of HIGGS, but one of the size of HIGGS must be it."""
    found = sha256_of(path)
    if path.stat().st_size == config.size_bytes and found != config.sha256:
        raise UserError(f"{path}: the SHA-256 is {found}, expected {config.sha256}: the file is damaged, replace it")
    return found


def _file_chunks(path: Path, rows: int | None, bar: Tracker) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if rows is None:
                bar.advance(len(chunk))
            yield chunk
