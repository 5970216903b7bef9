"""Reads genuine HIGGS events: the first rows streamed from UCI, the whole file downloaded, or a local file."""

import hashlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
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
        path = _local_path(config.path)
        sha256 = None if config.rows else _local_sha256(path, config)
        return _read(path, config.path, sha256, config, destination)
    if config.rows is not None:
        rows = config.rows
        return from_mirrors(config.urls, lambda url: _stream(url, rows, config, destination), ADVICE)
    target = DOWNLOADS / FILE_NAME
    is_here = is_complete(target, config.size_bytes, config.sha256)
    origin = str(target) if is_here else from_mirrors(config.urls, lambda url: _save(url, config, target), ADVICE)
    return _read(target, origin, config.sha256, config, destination)


def _stream(url: str, rows: int, config: HiggsData, destination: Path) -> Provenance:
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


def _read(path: Path, origin: str, sha256: str | None, config: HiggsData, destination: Path) -> Provenance:
    """Write the rows of a local file; `sha256` is that of the file, None if only the first `config.rows` rows count."""
    rows = config.rows
    total, unit = (path.stat().st_size, "bytes") if rows is None else (rows, "rows")
    with track(total, f"Reading {path.name}", unit) as bar, closing(_file_chunks(path, rows, bar)) as chunks:
        try:
            written = _write(chunks, str(path), rows, bar, destination)
        except FormatError as error:
            raise UserError(f"{path}: {error}") from error
    return _provenance(origin, *written, sha256, config)


def _write(chunks: Iterator[bytes], name: str, rows: int | None, bar: Tracker, destination: Path) -> tuple[int, str]:
    """Write rows to `destination`; return their number and, if `rows` is set, the SHA-256 of their lines.

    Other threads parse and hash while this one decompresses and writes.
    """
    digest = hashlib.sha256()
    pieces = decompress(chunks)
    blocks = line_blocks(pieces if rows is None else first_lines(pieces, rows))

    def batches() -> Iterator[pa.RecordBatch]:
        done = 0
        for text, batch in parsed:
            done += batch.num_rows
            if rows is not None:
                hashing.submit(digest.update, text)
                bar.advance(batch.num_rows)
            yield batch
        if not done:
            raise FormatError("it is empty")
        if rows is not None and done < rows:
            raise UserError(
                f"{name} holds {done:,} rows, but data.rows asks for {rows:,}: set data.rows={done} or less"
            )

    parsed = in_order(lambda block: (block[0], parse(*block)), blocks, PARSERS)
    with closing(parsed), ThreadPoolExecutor(1) as hashing:
        written = write_table(destination, batches(), use_dictionary=False)
    return written, digest.hexdigest()


def _provenance(origin: str, rows: int, text_sha256: str, sha256: str | None, config: HiggsData) -> Provenance:
    return Provenance(
        source="higgs",
        licence="CC BY 4.0",
        citation=CITATION,
        rows=rows,
        columns=NAMES,
        sha256=sha256 or text_sha256,
        sha256_of="the file" if sha256 else f"the first {rows:,} lines of text, decompressed",
        url=origin,
        part="the whole file" if sha256 else f"the first {rows:,} rows",
        checked=sha256 == config.sha256,
        held_out=HELD_OUT if sha256 == config.sha256 else 0,
    )


def _local_path(given: str) -> Path:
    parts = urlsplit(given)
    if parts.scheme in ("http", "https"):
        raise UserError(f"data.path={given}: expected a file on this machine; set data.urls=[{given}] for a download")
    path = Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(given).expanduser()
    if not path.is_file():
        raise UserError(f"data.path={given}: expected a file (HIGGS.csv.gz or a part of it), found none at {path}")
    return path


def _local_sha256(path: Path, config: HiggsData) -> str:
    """SHA-256 of a local file, which may be any part of HIGGS.

    Raises:
        UserError: the file has the size of HIGGS but not its SHA-256.
    """
    found = file_digest(path)
    if path.stat().st_size == config.size_bytes and found != config.sha256:
        raise UserError(f"{path}: the SHA-256 is {found}, expected {config.sha256}: the file is damaged, replace it")
    return found


def _file_chunks(path: Path, rows: int | None, bar: Tracker) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if rows is None:
                bar.advance(len(chunk))
            yield chunk
