"""Reads the format of the HIGGS file: lines of the label and 28 numbers, without header, usually in gzip."""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
import pyarrow as pa
from isal import isal_zlib
from pyarrow import csv

from overfitting.data.columns import LABEL, NAMES
from overfitting.data.events import table_schema

BLOCK_BYTES = 1 << 24
_GZIP_MAGIC = b"\x1f\x8b"
_FIELDS = (LABEL, *NAMES)


class FormatError(ValueError):
    """The data is not HIGGS; the message names place and reason, but not the file."""


def decompress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the text in gzip chunks of any size; plain text passes unchanged.

    Raises:
        FormatError: the data is a web page, or the gzip is corrupted or truncated.
    """
    chunks, start = iter(chunks), b""
    while len(start) < len(_GZIP_MAGIC) and (chunk := next(chunks, None)) is not None:
        start += chunk
    if start.startswith(_GZIP_MAGIC):
        yield from _gunzip(chain([start], chunks))
    elif start.lstrip().startswith(b"<"):
        raise FormatError(f"it is a web page, not HIGGS: it starts with {_shown(start)}")
    else:
        yield from chain([start], chunks)


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    # wbits 31: one gzip member with its checksum; a file may have several members, and zeros after the last one
    inflater, taken = isal_zlib.decompressobj(31), 0
    for data in chunks:
        taken += len(data)
        while data:
            if inflater.eof:
                data = data.lstrip(b"\0")
                if not data:
                    break
                inflater = isal_zlib.decompressobj(31)
                if not data.startswith(_GZIP_MAGIC[: len(data)]):  # isal asks for a whole header first
                    raise FormatError(f"the gzip is corrupted within the first {taken:,} bytes (garbage after its end)")
            try:
                yield inflater.decompress(data)
            except isal_zlib.error as error:  # type: ignore[misc] # the stub says it is an instance
                raise FormatError(f"the gzip is corrupted within the first {taken:,} bytes ({error})") from error
            data = inflater.unused_data
    if not inflater.eof:
        raise FormatError(f"the gzip is truncated: it stops after {taken:,} bytes")


def first_lines(pieces: Iterable[bytes], rows: int) -> Iterator[bytes]:
    """Yield the first `rows` lines of a text; later pieces are not read."""
    for piece in pieces:
        lines = piece.count(b"\n")
        if lines >= rows:
            yield piece[: len(piece) - len(piece.split(b"\n", rows)[-1])]
            return
        rows -= lines
        yield piece


def line_blocks(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Divide text into blocks of whole lines, at most `BLOCK_BYTES` each, with the place of the first line, from 1.

    The blocks do not depend on how the text is split into pieces, so neither does a file written from them.

    Raises:
        FormatError: a line is longer than `BLOCK_BYTES`.
    """
    waiting, size, line = list[bytes](), 0, 1
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        while size >= BLOCK_BYTES:
            text = b"".join(waiting)
            end = text.rfind(b"\n", 0, BLOCK_BYTES) + 1
            if not end:
                raise FormatError(f"{BLOCK_BYTES:,} bytes without a line end")
            yield text[:end], line
            line += text.count(b"\n", 0, end)
            waiting, size = [text[end:]], size - end
    if size:
        yield b"".join(waiting), line


def parse(text: bytes, first_line: int) -> pa.RecordBatch:
    """Events (n, 1 + 28) float32 in a block of whole lines; `first_line` is its place in the file, from 1.

    Raises:
        FormatError: names line, column and value of the first line without 29 finite numbers or with a label that is
            not 0 or 1.
    """
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(column_names=list(_FIELDS), block_size=len(text) + 1, use_threads=False),
            parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(column_types=table_schema(), null_values=[]),
        )
    except pa.ArrowInvalid as error:
        raise FormatError(_mistake(text, first_line) or str(error)) from error
    if b"\r" in text and table.num_rows != text.count(b"\n") + (not text.endswith(b"\n")):
        raise FormatError(f"from line {first_line} on: expected newlines at line ends, got a carriage return alone")
    batch = table.combine_chunks().to_batches()[0]
    values = [column.to_numpy() for column in batch.columns]
    if not (all(np.isfinite(column).all() for column in values) and np.isin(values[0], (0, 1)).all()):
        raise FormatError(_mistake(text, first_line) or f"a value that is not finite from line {first_line} on")
    return pa.RecordBatch.from_arrays(batch.columns, schema=table_schema())


def _mistake(text: bytes, first_line: int) -> str | None:
    """Describe the first invalid line; slow, so called only if the block has one."""
    for line, raw in enumerate(text.splitlines(), start=first_line):
        fields = raw.split(b",")
        if len(fields) != len(_FIELDS):
            return f"line {line}: expected {len(_FIELDS)} numbers, got {len(fields)} fields: {_shown(raw)}"
        for number, (name, value) in enumerate(zip(_FIELDS, fields, strict=True), start=1):
            if expected := _broken_rule(name, value):
                return f"line {line}, column {number} ({name}): expected {expected}, got {_shown(value)}"
    return None


def _broken_rule(name: str, value: bytes) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "a number"
    if name == LABEL and number not in (0, 1):
        return "the label 0 or 1"
    if b"_" in value:  # Python reads 1_0 as 10, Arrow refuses it
        return "a number"
    return None if abs(number) <= float(np.finfo(np.float32).max) else "a finite float32"


def _shown(value: bytes, most: int = 60) -> str:
    text = value[:most].decode("utf-8", errors="replace")
    return repr(text) + ("..." if len(value) > most else "")
