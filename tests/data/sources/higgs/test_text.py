import gzip
import hashlib
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.data.sources.higgs import text
from overfitting.data.sources.higgs.text import FormatError, decompress, first_lines, line_blocks, parse
from tests.builders.higgs_files import first_lines as lines_of
from tests.builders.higgs_files import higgs_text as text_of
from tests.builders.higgs_files import values_of, zipped

TEXT = text_of(60)
PACKED = zipped(TEXT)
LINE = TEXT.splitlines()[0]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def cuts_of(data: bytes) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, len(data)), max_size=30)


@settings(max_examples=60)
@given(cuts=cuts_of(PACKED), rows=st.none() | st.integers(1, 60), is_packed=st.booleans())
def test_blocks_do_not_depend_on_how_the_stream_is_split(cuts: list[int], rows: int | None, is_packed: bool) -> None:
    data = PACKED if is_packed else TEXT
    with mock.patch.object(text, "BLOCK_BYTES", 4000):
        pieces = decompress(split(data, cuts))
        blocks = list(line_blocks(pieces if rows is None else first_lines(pieces, rows)))
        expected = TEXT if rows is None else lines_of(TEXT, rows)
        whole = list(line_blocks([expected]))
    assert blocks == whole
    texts = [lines for lines, _ in blocks]
    assert b"".join(texts) == expected
    assert all(lines.endswith(b"\n") and len(lines) <= 4000 for lines in texts)
    assert [first for _, first in blocks] == [1, *np.cumsum([lines.count(b"\n") for lines in texts])[:-1] + 1]


def test_nothing_is_read_after_the_last_line() -> None:
    pieces = iter([TEXT, b"not read"])
    assert b"".join(first_lines(pieces, 60)) == TEXT
    assert next(pieces) == b"not read"


@settings(max_examples=20)
@given(cuts=cuts_of(TEXT), data=st.data())
def test_gzip_in_several_members_and_zeros_after_them(cuts: list[int], data: st.DataObject) -> None:
    packed = b"".join(gzip.compress(part) for part in split(TEXT, cuts)) + bytes(700)
    pieces = split(packed, data.draw(cuts_of(packed)))
    assert b"".join(decompress(pieces)) == TEXT


@pytest.mark.parametrize("piece", [1, 7, 10_000_000])
def test_pieces_of_any_size(piece: int) -> None:
    assert b"".join(decompress(PACKED[i : i + piece] for i in range(0, len(PACKED), piece))) == TEXT


@pytest.mark.parametrize("end", [2, 5, 11, len(PACKED) // 2, len(PACKED) - 8, len(PACKED) - 1])
def test_truncated_gzip_is_an_error(end: int) -> None:
    with pytest.raises(FormatError, match=f"truncated: it stops after {end:,} bytes"):
        list(decompress([PACKED[:end]]))


@pytest.mark.parametrize("place", [2, len(PACKED) // 2, len(PACKED) - 5, len(PACKED) - 1])
def test_corrupted_gzip_is_an_error(place: int) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= 0x5A
    with pytest.raises(FormatError, match="corrupted"):
        list(decompress([bytes(damaged)]))


@settings(max_examples=100)
@given(place=st.integers(0, len(PACKED) - 1), flip=st.integers(1, 255), cuts=cuts_of(PACKED))
def test_any_damage_is_an_error_unless_it_leaves_the_text_as_it_is(place: int, flip: int, cuts: list[int]) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= flip
    harmless = bytes(damaged) if place < 2 else TEXT  # without the magic number it is plain text; the header has a time
    try:
        found = b"".join(decompress(split(bytes(damaged), cuts)))
    except FormatError:
        return
    assert found == harmless


@pytest.mark.parametrize("garbage", [b"\x1f", b"g", b"\0\0g"])
def test_short_garbage_after_gzip_is_an_error(garbage: bytes) -> None:
    with pytest.raises(FormatError, match=r"corrupted|truncated"):
        list(decompress([PACKED, garbage]))


def test_garbage_after_gzip_is_an_error() -> None:
    with pytest.raises(FormatError, match="corrupted"):
        list(decompress([PACKED, b"garbage"]))


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>", b"\n\n <html>", b"<?xml version='1.0'?>"])
def test_web_page_is_an_error(page: bytes) -> None:
    with pytest.raises(FormatError, match="web page"):
        list(decompress([page]))


def test_empty_stream() -> None:
    assert list(line_blocks(decompress([]))) == []


def test_last_line_without_newline_counts() -> None:
    (block,) = line_blocks(first_lines([TEXT[:-1]], 60))
    assert block == (TEXT[:-1], 1)
    assert parse(*block).num_rows == 60


def test_endless_line_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 1000)
    with pytest.raises(FormatError, match="1,000 bytes without a line end"):
        list(line_blocks([b"1" * 600, b"1" * 600]))


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_values(newline: bytes) -> None:
    batch = parse(TEXT.replace(b"\n", newline), 1)
    assert np.array_equal(np.column_stack(batch.columns), values_of(TEXT))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (5, "abc", r"line 1007, column 6 \(missing_energy_phi\): expected a number, got 'abc'"),
        (1, "", r"column 2 \(lepton_pt\): expected a number, got ''"),
        (28, '"1"', r"column 29 \(m_wwbb\): expected a number, got '\"1\"'"),
        (3, "1_0", r"column 4 .* expected a number"),
        (3, "0x10", r"column 4 .* expected a number"),
        (3, "nan", r"column 4 .* expected a finite float32, got 'nan'"),
        (3, "-inf", r"column 4 .* expected a finite float32, got '-inf'"),
        (3, "1e39", r"column 4 .* expected a finite float32, got '1e39'"),
        (0, "2", r"line 1007, column 1 \(label\): expected the label 0 or 1, got '2'"),
        (0, "0.5", "expected the label 0 or 1, got '0.5'"),
        (0, "nan", "expected the label 0 or 1, got 'nan'"),
        (4, "1,1", r"line 1007: expected 29 numbers, got 30 fields: '.{60}'\.\.\."),
    ],
)
def test_errors_name_line_column_and_value(field: int, value: str, expected: str) -> None:
    lines = TEXT.splitlines()
    fields = lines[7].split(b",")
    fields[field] = value.encode()
    lines[7] = b",".join(fields)
    with pytest.raises(FormatError, match=expected):
        parse(b"\n".join(lines), 1000)


@pytest.mark.parametrize("line", [b"", b"1,2,3", LINE.replace(b",", b";"), b"label,lepton_pt"])
def test_lines_with_another_number_of_fields(line: bytes) -> None:
    with pytest.raises(FormatError, match=r"line 2: expected 29 numbers, got \d+ fields"):
        parse(b"\n".join([LINE, line, LINE]), 1)


def test_carriage_return_alone_is_no_line_end() -> None:
    with pytest.raises(FormatError, match="carriage return"):
        parse(TEXT.replace(b"\n", b"\r"), 1)


def test_hash_of_the_blocks_equals_that_of_the_lines() -> None:
    digest = hashlib.sha256()
    for block, _ in line_blocks(first_lines(decompress([PACKED]), 17)):
        digest.update(block)
    assert digest.digest() == hashlib.sha256(lines_of(TEXT, 17)).digest()
