import logging
import socket

import pytest

from overfitting.data.sources.higgs import download
from overfitting.data.sources.higgs.download import ChangedError, DownloadError, Remote
from tests.builders.http_server import Answer, Server, serve

BODY = bytes(range(256)) * 400


def fetched(remote: Remote) -> bytes:
    return b"".join(remote.chunks())


def remote(server: Server, retries: int = 3, timeout: float = 10.0) -> Remote:
    return Remote(server.url, timeout, retries)


def drops(*lengths: int) -> list[Answer]:
    return [Answer(drop_after=length) for length in lengths]


@pytest.mark.parametrize("is_chunked", [False, True])
def test_dropped_connections_resume_where_they_stopped(is_chunked: bool) -> None:
    with serve(Server(BODY, drops(30_000, 0, 20_000), is_chunked=is_chunked)) as server:
        assert fetched(remote(server)) == BODY
    assert server.asked_ranges == [None, "bytes=30000-", "bytes=30000-", "bytes=50000-"]
    assert [headers.get("If-Range") for headers in server.requests] == [None, '"1"', '"1"', '"1"']


def test_weak_etag_is_not_sent_as_condition_of_a_range() -> None:
    with serve(Server(BODY, drops(1000), etag='W/"1"')) as server:
        assert fetched(remote(server)) == BODY
    assert "If-Range" not in server.requests[1]


def test_without_ranges_the_first_bytes_are_skipped() -> None:
    with serve(Server(BODY, drops(30_000, 50_000), ranges=False, etag=None)) as server:
        assert fetched(remote(server)) == BODY
    assert len(server.requests) == 3


@pytest.mark.parametrize("length", [len(BODY), len(BODY) - 1, 20_000, len(BODY) + 1])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_without_ranges_or_etag_a_changed_file_is_detected(length: int, is_chunked: bool) -> None:
    other = (b"x" + BODY + b"x")[:length]
    answers = [Answer(drop_after=30_000), Answer(body=other)]
    with (
        serve(Server(BODY, answers, ranges=False, etag=None, is_chunked=is_chunked)) as server,
        pytest.raises(ChangedError),
    ):
        fetched(remote(server))


@pytest.mark.parametrize("if_range", [False, True])
def test_changed_file_is_detected_by_its_etag(if_range: bool) -> None:
    answers = [Answer(drop_after=30_000), Answer(body=BODY[::-1], etag='"2"')]
    with serve(Server(BODY, answers, if_range=if_range)) as server, pytest.raises(ChangedError):
        fetched(remote(server))


def test_new_etag_for_the_same_bytes_does_not_restart_the_download() -> None:
    answers = [Answer(drop_after=30_000), Answer(etag='"2"')]
    with serve(Server(BODY, answers)) as server:
        assert fetched(remote(server)) == BODY


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_errors_are_retried_after_a_wait(
    status: int, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), serve(Server(BODY, [Answer(status=status)] * 3)) as server:
        assert fetched(remote(server)) == BODY
    assert waits == [1, 2, 4]
    assert f"HTTP {status}" in caplog.text


def test_retry_after_is_respected(waits: list[float]) -> None:
    with serve(Server(BODY, [Answer(status=503, headers={"Retry-After": "7"})])) as server:
        assert fetched(remote(server)) == BODY
    assert waits == [7]


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_an_hour_is_left_for_the_next_url(status: int, waits: list[float]) -> None:
    with (
        serve(Server(BODY, [Answer(status=status, headers={"Retry-After": "3600"})] * 9)) as busy,
        serve(Server(BODY)) as other,
    ):
        found = download.from_mirrors(
            [busy.url, other.url], lambda url: b"".join(Remote(url, 5, retries=3).chunks()), ""
        )
    assert found == BODY
    assert (waits, len(busy.requests)) == ([], 1)


def test_a_server_that_drips_is_left_for_the_next_url(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)
    with serve(Server(BODY, [Answer(drip=True)] * 9)) as slow, serve(Server(BODY)) as other:
        found = download.from_mirrors(
            [slow.url, other.url], lambda url: b"".join(Remote(url, 5, retries=1).chunks()), ""
        )
        assert found == BODY
        assert len(slow.requests) == 2
        with pytest.raises(DownloadError, match=r"the server sent \d+ bytes in 0 s"):
            list(Remote(slow.url, 5, retries=1).chunks())


@pytest.mark.parametrize("status", [401, 403, 404, 410, 501])
def test_final_errors_are_not_retried(status: int) -> None:
    with serve(Server(BODY, [Answer(status=status)])) as server:
        with pytest.raises(DownloadError, match=f"HTTP {status}"):
            fetched(remote(server))
        assert len(server.requests) == 1


def test_retries_are_limited() -> None:
    with serve(Server(BODY, [Answer(status=500)] * 9)) as server:
        with pytest.raises(DownloadError, match=r"HTTP 500 Internal Server Error .*attempt 3"):
            fetched(remote(server, retries=2))
        assert len(server.requests) == 3


def test_only_failures_without_progress_count_as_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PROGRESS_BYTES", 1000)
    with serve(Server(BODY, drops(*[1000] * 20))) as server:
        assert fetched(remote(server, retries=1)) == BODY
    with serve(Server(BODY, drops(1000, 999, 999))) as server, pytest.raises(DownloadError):
        fetched(remote(server, retries=1))


def test_redirects_are_followed_with_the_range() -> None:
    with serve(Server(BODY, drops(30_000))) as target:
        moved = Answer(status=302, headers={"Location": target.url})
        with serve(Server(b"", [moved, moved])) as server:
            assert fetched(remote(server)) == BODY
    assert target.asked_ranges == [None, "bytes=30000-"]


def test_redirect_loop_is_not_retried(waits: list[float]) -> None:
    loop = Answer(status=302, headers={"Location": "/again"})
    with serve(Server(BODY, [loop] * 50)) as server, pytest.raises(DownloadError, match="redirect"):
        fetched(remote(server))
    assert waits == []


def test_stalled_connection_times_out_and_resumes() -> None:
    with serve(Server(BODY, [Answer(stall_after=30_000), Answer(stall_after=0)])) as server:
        assert fetched(remote(server, timeout=0.2)) == BODY
    assert server.asked_ranges == [None, "bytes=30000-", "bytes=30000-"]


def test_endless_stall_is_an_error() -> None:
    with (
        serve(Server(BODY, [Answer(stall_after=10)])) as server,
        pytest.raises(DownloadError, match=r"Read timed out\. \(at byte 10, attempt 1\)"),
    ):
        fetched(remote(server, retries=0, timeout=0.1))


def test_content_length_larger_than_the_body() -> None:
    with serve(Server(BODY, extra_length=1000)) as server:
        assert fetched(remote(server)) == BODY
    assert server.asked_ranges == [None, f"bytes={len(BODY)}-"]


def test_range_other_than_the_requested_one_is_an_error() -> None:
    wrong = Answer(headers={"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"})
    with (
        serve(Server(BODY, [Answer(drop_after=10), wrong])) as server,
        pytest.raises(DownloadError, match="requested the bytes from 10 on"),
    ):
        fetched(remote(server))


def test_expected_size_is_required() -> None:
    with serve(Server(BODY)) as server, pytest.raises(DownloadError, match="102,400 bytes, expected 5 bytes"):
        fetched(Remote(server.url, 10.0, 3, size=5))


def test_expected_size_must_be_reported_by_the_server() -> None:
    with serve(Server(BODY, is_chunked=True)) as server, pytest.raises(DownloadError, match="of unknown size"):
        fetched(Remote(server.url, 10.0, 3, size=len(BODY)))


def test_range_longer_than_reported_is_an_error() -> None:
    first = Answer(drop_after=10, headers={"Content-Length": f"{len(BODY)}"})
    longer = Answer(headers={"Content-Range": f"bytes 10-{len(BODY)}/{len(BODY)}"})
    with (
        serve(Server(BODY + b"more", [first, longer])) as server,
        pytest.raises(DownloadError, match="more than the 102,400 bytes"),
    ):
        fetched(remote(server))


def test_refused_connection_is_an_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/HIGGS.csv.gz"
        with pytest.raises(DownloadError, match=r"Connection refused.*attempt 4"):
            fetched(Remote(url, 10.0, 3))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/file", "http://"])
def test_invalid_url_is_not_retried(url: str, waits: list[float]) -> None:
    with pytest.raises(DownloadError):
        fetched(Remote(url, 1.0, 3))
    assert waits == []


@pytest.mark.parametrize("scheme", ["http://", "http://user:secret@", ""])
def test_proxy_of_the_environment_is_used(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(Server(BODY)) as proxy:
        address = proxy.url.removeprefix("http://").partition("/")[0]
        monkeypatch.setenv("http_proxy", f"{scheme}{address}")
        assert fetched(Remote("http://higgs.invalid/file", 10.0, 0)) == BODY
    assert proxy.paths == ["http://higgs.invalid/file"]
    names = {name.lower() for name in proxy.requests[0]}
    assert ("proxy-authorization" in names) == ("secret" in scheme)
