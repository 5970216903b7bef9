import hashlib
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overfitting.base.errors import UserError
from overfitting.data.columns import NAMES
from overfitting.data.sources.higgs import in_order, source, text
from overfitting.data.sources.higgs.source import fetch
from tests.builders.higgs_files import first_lines, higgs_config, read_events, values_of, zipped
from tests.builders.higgs_files import higgs_text as text_of
from tests.builders.http_server import Answer, Server, serve

ROWS = 300
TEXT = text_of(ROWS)
PACKED = zipped(TEXT)
OTHER = text_of(ROWS, seed=1)


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(text, "BLOCK_BYTES", 20_000)
    return tmp_path / "raw" / "events.parquet"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_first_rows(events: Path) -> None:
    with serve(Server(PACKED)) as server:
        provenance = fetch(higgs_config(server.url, rows=120), events)
    assert np.array_equal(read_events(events), values_of(TEXT)[:120])
    assert provenance.model_dump(mode="json", exclude_none=True) == {
        "source": "higgs",
        "url": server.url,
        "licence": "CC BY 4.0",
        "citation": source.CITATION,
        "rows": 120,
        "held_out": 0,
        "columns": list(NAMES),
        "part": "the first 120 rows",
        "sha256": sha256(first_lines(TEXT, 120)),
        "sha256_of": "the first 120 lines of text, decompressed",
        "checked": False,
        "events_sha256": "",  # the stage adds it
    }


def test_connection_closes_after_the_last_row(events: Path) -> None:
    with serve(Server(PACKED, [Answer(stall_after=len(PACKED) // 2)])) as server:
        fetch(higgs_config(server.url, rows=100, timeout_seconds=600.0), events)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "server", [Server(PACKED), Server(PACKED, ranges=False, etag=None), Server(PACKED, is_chunked=True)]
)
def test_interruptions_do_not_change_a_byte(server: Server, events: Path, tmp_path: Path) -> None:
    with serve(Server(PACKED)) as quiet:
        fetch(higgs_config(quiet.url, rows=250), tmp_path / "quiet.parquet")
    server.answers = [
        Answer(drop_after=20_000),
        Answer(status=503),
        Answer(drop_after=30_001),
        Answer(stall_after=40_003),
    ]
    with serve(server):
        fetch(higgs_config(server.url, rows=250, timeout_seconds=0.2, retries=4), events)
    assert not server.answers
    assert events.read_bytes() == (tmp_path / "quiet.parquet").read_bytes()


@pytest.mark.parametrize("ranges", [True, False])
def test_file_that_changes_during_the_download_is_read_anew(ranges: bool, events: Path) -> None:
    answers = [Answer(drop_after=30_000), Answer(body=zipped(OTHER), etag='"2"')]
    with serve(Server(PACKED, answers, ranges=ranges)) as server:
        fetch(higgs_config(server.url, rows=ROWS), events)
    assert np.array_equal(read_events(events), values_of(OTHER))


def damaged() -> bytes:
    data = bytearray(PACKED)
    data[len(data) // 2] ^= 0x5A
    return bytes(data)


BAD_SERVERS: list[tuple[Callable[[], Server], str]] = [
    (lambda: Server(b"<!DOCTYPE html><title>Moved</title>"), "web page.*<!DOCTYPE html>"),
    (lambda: Server(PACKED[: len(PACKED) // 2]), "gzip is truncated"),
    (lambda: Server(PACKED, extra_length=-len(PACKED) // 2), "gzip is truncated"),
    (lambda: Server(damaged()), "corrupted|line [0-9]+"),
    (lambda: Server(b""), "it is empty"),
    (lambda: Server(b"a,b\n1,2\n"), "line 1: expected 29 numbers, got 2 fields: 'a,b'"),
    (lambda: Server(PACKED, [Answer(status=404)]), "HTTP 404 Not Found"),
    (lambda: Server(PACKED, [Answer(status=500)] * 4), r"HTTP 500 Internal Server Error \(at byte 0, attempt 4\)"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_SERVERS)
def test_next_url_is_tried(bad: Callable[[], Server], reason: str, events: Path, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING), serve(bad()) as first, serve(Server(PACKED)) as second:
        provenance = fetch(higgs_config(first.url, second.url, rows=250), events)
    assert provenance.url == second.url
    assert np.array_equal(read_events(events), values_of(TEXT)[:250])
    assert re.search(reason, caplog.text)


@pytest.mark.parametrize(("bad", "reason"), BAD_SERVERS)
@pytest.mark.parametrize("earlier", [None, b"earlier events"])
def test_error_if_all_urls_fail_has_a_reason_per_url(
    bad: Callable[[], Server], reason: str, earlier: bytes | None, events: Path
) -> None:
    events.parent.mkdir()
    if earlier:
        events.write_bytes(earlier)
    with (
        serve(bad()) as first,
        serve(Server(b"", [Answer(status=403)])) as second,
        pytest.raises(UserError) as caught,
    ):
        fetch(higgs_config(first.url, second.url, rows=250), events)
    message = str(caught.value)
    lines = message.splitlines()
    assert re.search(f"{re.escape(first.url)}: .*({reason})", lines[1])
    assert lines[2] == f"  {second.url}: HTTP 403 Forbidden"
    assert all(advice in lines[-1] for advice in ("data.path", "data=bundled", "data=simulated", "data=csv"))
    # no other source is used instead, and existing events stay
    assert [path.read_bytes() for path in events.parent.iterdir()] == ([earlier] if earlier else [])


def test_more_rows_than_the_file_has_is_an_error(events: Path) -> None:
    with serve(Server(PACKED)) as server, pytest.raises(UserError, match=r"300 rows, but data\.rows asks for 301"):
        fetch(higgs_config(server.url, server.url, rows=ROWS + 1), events)
    assert len(server.requests) == 1


def test_whole_file_is_downloaded_once_and_checked(events: Path) -> None:
    with serve(Server(PACKED, [Answer(drop_after=30_000)])) as server:
        config = higgs_config(server.url, whole=PACKED)
        provenance = fetch(config, events)
        again = fetch(config, events)
        assert again == provenance.model_copy(update={"url": again.url})
    assert server.asked_ranges == [None, "bytes=30000-"]
    assert (source.DOWNLOADS / "HIGGS.csv.gz").read_bytes() == PACKED
    assert np.array_equal(read_events(events), values_of(TEXT))
    assert provenance.url == server.url
    assert provenance.part == "the whole file"
    assert provenance.sha256 == sha256(PACKED)
    assert provenance.checked is True
    assert provenance.rows == ROWS


def test_whole_file_with_another_sha256_is_an_error(events: Path) -> None:
    with serve(Server(zipped(OTHER))) as first, serve(Server(PACKED)) as second:
        wrong = zipped(OTHER)
        config = higgs_config(first.url, size_bytes=len(wrong), sha256=sha256(PACKED))
        with pytest.raises(UserError, match=f"SHA-256 of the download is {sha256(wrong)}"):
            fetch(config, events)
        assert list(source.DOWNLOADS.iterdir()) == []
        config = higgs_config(first.url, second.url, whole=PACKED)
        assert fetch(config, events).url == second.url
    assert not list(source.DOWNLOADS.glob("*.part*"))


@pytest.mark.parametrize("content", [TEXT, PACKED, TEXT.replace(b"\n", b"\r\n"), TEXT[:-1]])
@pytest.mark.parametrize("rows", [None, 100])
@pytest.mark.parametrize("is_url", [False, True])
def test_local_file(content: bytes, rows: int | None, is_url: bool, events: Path, tmp_path: Path) -> None:
    path = tmp_path / "my file.csv"
    path.write_bytes(content)
    given = path.as_uri() if is_url else "my file.csv"
    provenance = fetch(higgs_config(path=given, rows=rows), events)
    assert np.array_equal(read_events(events), values_of(TEXT)[:rows])
    plain = TEXT if content == PACKED else content
    assert provenance.sha256 == sha256(content if rows is None else first_lines(plain, rows))
    assert provenance.url == given
    assert provenance.checked is False


def test_local_file_of_the_published_size_must_be_the_published_one(events: Path, tmp_path: Path) -> None:
    path = tmp_path / "HIGGS.csv.gz"
    path.write_bytes(PACKED)
    assert fetch(higgs_config(path=str(path), whole=PACKED), events).checked is True
    with pytest.raises(UserError, match="the file is damaged"):
        fetch(higgs_config(path=str(path), size_bytes=len(PACKED)), events)
    assert path.read_bytes() == PACKED


@settings(max_examples=15)
@given(chunk=st.integers(1, 50_000), parsers=st.integers(1, 5), ahead=st.integers(1, 3), rows=st.none() | st.just(200))
def test_events_have_the_same_bytes_for_any_chunks_and_threads(
    tmp_path_factory: pytest.TempPathFactory, chunk: int, parsers: int, ahead: int, rows: int | None
) -> None:
    folder = tmp_path_factory.mktemp("events")
    (folder / "mine.csv.gz").write_bytes(PACKED)
    config = higgs_config(path=str(folder / "mine.csv.gz"), rows=rows)
    threads = set(threading.enumerate())
    with mock.patch.object(text, "BLOCK_BYTES", 20_000):
        whole = fetch(config, folder / "whole.parquet")
        with (
            mock.patch.object(source, "CHUNK_BYTES", chunk),
            mock.patch.object(source, "PARSERS", parsers),
            mock.patch.object(in_order, "AHEAD", ahead),
        ):
            assert fetch(config, folder / "other.parquet") == whole
    assert (folder / "other.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    assert pq.ParquetFile(folder / "whole.parquet").num_row_groups > 1
    assert set(threading.enumerate()) <= threads


def test_first_mistake_of_the_file_is_reported_and_no_thread_is_left(events: Path, tmp_path: Path) -> None:
    lines = TEXT.splitlines(keepends=True)
    lines[150] = b"1,2\n"
    lines[290] = b"3,4\n"
    (tmp_path / "mine.csv.gz").write_bytes(zipped(b"".join(lines))[:-9])
    threads = set(threading.enumerate())
    with pytest.raises(UserError, match="line 151: expected 29 numbers"):
        fetch(higgs_config(path="mine.csv.gz"), events)
    assert set(threading.enumerate()) <= threads
    assert not list(events.parent.iterdir())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (PACKED[:-9], "truncated"),
        (TEXT + b"1,2\n", "line 301: expected 29 numbers, got 2 fields: '1,2'"),
        (TEXT + TEXT.replace(b",", b",x", 1), r"line 301, column 2 \(lepton_pt\): expected a number, got 'x"),
    ],
)
def test_errors_in_a_local_file(content: bytes, reason: str, events: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"mine.csv: .*{reason}"):
        fetch(higgs_config(path=str(path)), events)
    assert not events.exists()


@pytest.mark.parametrize("rows", [None, 10])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("absent.csv.gz", "found none"),
        (".", "found none"),
        ("file:///absent/HIGGS.csv.gz", "found none"),
        ("https://higgs.invalid/HIGGS.csv.gz", "set data.urls="),
    ],
)
def test_no_such_file(path: str, reason: str, rows: int | None, events: Path) -> None:
    with pytest.raises(UserError, match=reason):
        fetch(higgs_config(path=path, rows=rows), events)


@pytest.mark.higgs
@pytest.mark.parametrize("ranges", [True, False])
def test_genuine_rows(ranges: bool, higgs_sample: Path, tmp_path: Path) -> None:
    expected = np.loadtxt(higgs_sample, delimiter=",").astype(np.float32)
    answers = [Answer(drop_after=400_000), Answer(drop_after=500_000)]
    with serve(Server(higgs_sample.read_bytes(), answers, ranges=ranges)) as server:
        fetch(higgs_config(server.url, rows=10_000), tmp_path / "events.parquet")
    assert not server.answers
    assert np.array_equal(read_events(tmp_path / "events.parquet"), expected[:10_000])
