"""Reads genuine HIGGS events: the first rows streamed from UCI, the whole file downloaded, or a local file."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa

from overfitting.base.errors import UserError
from overfitting.base.files import file_digest
from overfitting.base.progress_bar import Tracker, track
from overfitting.config.sources import HiggsData
from overfitting.data.columns import NAMES
from overfitting.data.events import write_table
from overfitting.data.manifest import Provenance
from overfitting.data.sources.higgs.download import CHUNK_BYTES, DownloadError, Remote, from_mirrors
from overfitting.data.sources.higgs.in_order import in_order
from overfitting.data.sources.higgs.text import FormatError, decompress, first_lines, line_blocks, parse
from overfitting.data.sources.higgs.whole_file import is_complete, save

DOWNLOADS = Path("data/downloads")  # ignored by git
FILE_NAME = "HIGGS.csv.gz"
PARSERS = 2  # threads; decompression takes about half as long as parsing in one
HELD_OUT = 500_000  # last rows of the published file, its test set by convention (UCI)
CITATION = (
    "Baldi, P., Sadowski, P., Whiteson, D. (2014). Searching for exotic particles in high-energy physics with deep "
    "learning. Nature Communications 5, 4308. HIGGS, UCI Machine Learning Repository, doi:10.24432/C5V312."
)
ADVICE = (
    "Check the network, set data.path to a local HIGGS.csv.gz, "
    "or choose other events: data=bundled, data=simulated or data=csv."
)


def fetch(config: HiggsData, destination: Path) -> Provenance:
    """Write the configured rows to `destination`.

    If `rows` is set, the provenance has the SHA-256 of the first `rows` lines, decompressed. Otherwise it has the
    SHA-256 of the whole file on disk.

    Raises:
        UserError: the rows are unavailable or invalid.
    """
    if config.path is not None:
        path = _local_path(config)
        return _read(path, config.path, None if config.rows else file_digest(path), config, destination)
    if config.rows is not None:
        return from_mirrors(config.urls, lambda url: _stream(url, config, destination), ADVICE)
    target = DOWNLOADS / FILE_NAME

    def saved(url: str) -> str:
        save(Remote(url, config.timeout_seconds, config.retries), target, config.size_bytes, config.sha256)
        return url

    is_here = is_complete(target, config.size_bytes, config.sha256)
    origin = str(target) if is_here else from_mirrors(config.urls, saved, ADVICE)
    return _read(target, origin, config.sha256, config, destination)


def _stream(url: str, config: HiggsData, destination: Path) -> Provenance:
    remote = Remote(url, config.timeout_seconds, config.retries)
    with closing(remote.chunks()) as chunks, track(config.rows or 0, "Downloading HIGGS", "rows") as bar:
        try:
            return _write(chunks, url, url, None, bar, config, destination)
        except FormatError as error:
            raise DownloadError(str(error)) from error


def _read(path: Path, origin: str, sha256: str | None, config: HiggsData, destination: Path) -> Provenance:
    """Write the rows of a local file; `sha256` is that of the file, None if only the first `config.rows` rows count."""
    total, unit = (config.rows, "rows") if config.rows else (path.stat().st_size, "bytes")
    with track(total, f"Reading {path.name}", unit) as bar, path.open("rb") as file:
        try:
            return _write(_chunks(file, unit, bar), str(path), origin, sha256, bar, config, destination)
        except FormatError as error:
            raise UserError(f"{path}: {error}") from error


def _chunks(file: BinaryIO, unit: str, bar: Tracker) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        if unit == "bytes":
            bar.advance(len(chunk))
        yield chunk


def _write(
    chunks: Iterator[bytes],
    name: str,
    origin: str,
    sha256: str | None,
    bar: Tracker,
    config: HiggsData,
    destination: Path,
) -> Provenance:
    """Write the rows in `chunks` of the file `name`; `sha256` is that of the file, None if `config.rows` is set.

    Other threads parse and hash while this one decompresses and writes.
    """
    rows, digest, pieces = config.rows, hashlib.sha256(), decompress(chunks)
    blocks = line_blocks(first_lines(pieces, rows) if rows else pieces)

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for text, batch in parsed:
            done += batch.num_rows
            if rows:
                hashing.submit(digest.update, text)
                bar.advance(batch.num_rows)
            yield batch
        if not done:
            raise FormatError("it is empty")
        if rows and done < rows:
            raise UserError(
                f"{name} holds {done:,} rows, but data.rows asks for {rows:,}: set data.rows={done} or less"
            )

    parsed = in_order(lambda block: (block[0], parse(*block)), blocks, PARSERS)
    with closing(parsed), ThreadPoolExecutor(1) as hashing:
        written = write_table(destination, batches(), use_dictionary=False)
    is_published = sha256 == config.sha256
    return Provenance(
        source="higgs",
        licence="CC BY 4.0",
        citation=CITATION,
        rows=written,
        columns=NAMES,
        sha256=sha256 or digest.hexdigest(),
        sha256_of="the file" if sha256 else f"the first {written:,} lines of text, decompressed",
        url=origin,
        part="the whole file" if sha256 else f"the first {written:,} rows",
        checked=is_published,
        held_out=HELD_OUT if is_published else 0,
    )


def _local_path(config: HiggsData) -> Path:
    """The file at `config.path`, which may be any part of HIGGS; one of its size must have its SHA-256."""
    given = config.path or ""
    parts = urlsplit(given)
    if parts.scheme in ("http", "https"):
        raise UserError(f"data.path={given}: expected a file on this machine; set data.urls=[{given}] for a download")
    path = Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(given).expanduser()
    if not path.is_file():
        raise UserError(f"data.path={given}: expected a file (HIGGS.csv.gz or a part of it), found none at {path}")
    is_published = config.rows is None and path.stat().st_size == config.size_bytes
    if is_published and (found := file_digest(path)) != config.sha256:
        raise UserError(f"{path}: the SHA-256 is {found}, expected {config.sha256}: the file is damaged, replace it")
    return path
