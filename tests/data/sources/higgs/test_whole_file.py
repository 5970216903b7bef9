import hashlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from overfitting.base.errors import UserError
from overfitting.data.sources.higgs.download import ChangedError, DownloadError, Remote, from_mirrors
from overfitting.data.sources.higgs.whole_file import is_complete, save
from tests.builders.http_server import Answer, Server, serve

BODY = bytes(range(256)) * 400
SHA256 = hashlib.sha256(BODY).hexdigest()
KILLED = """
import sys
from pathlib import Path
from overfitting.data.sources.higgs.download import Remote
from overfitting.data.sources.higgs.whole_file import save
save(Remote(sys.argv[1], 60.0, 0), Path(sys.argv[3]), int(sys.argv[2]), "")
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "HIGGS.csv.gz"


def part_of(target: Path, content: bytes, etag: str = "") -> Path:
    part = target.with_name("HIGGS.csv.gz.part")
    part.parent.mkdir()
    part.write_bytes(content)
    if etag:
        part.with_name(f"{part.name}.etag").write_text(etag)
    return part


def download(server: Server, target: Path, sha256: str = SHA256, size: int = len(BODY), retries: int = 3) -> None:
    save(Remote(server.url, 10.0, retries), target, size, sha256)


def names_beside(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_file_is_saved_without_leftovers(target: Path) -> None:
    with serve(Server(BODY, [Answer(drop_after=5000)])) as server:
        download(server, target)
    assert target.read_bytes() == BODY
    assert names_beside(target) == ["HIGGS.csv.gz"]


def test_killed_download_resumes(target: Path) -> None:
    part = target.with_name("HIGGS.csv.gz.part")
    with serve(Server(BODY, [Answer(stall_after=60_000)])) as server:
        process = subprocess.Popen([sys.executable, "-c", KILLED, server.url, str(len(BODY)), str(target)])
        while process.poll() is None and not (part.exists() and part.stat().st_size == 60_000):
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        download(server, target)
    assert target.read_bytes() == BODY
    assert server.asked_ranges == [None, "bytes=60000-"]
    assert server.requests[1]["If-Range"] == '"1"'


def test_failed_download_keeps_its_part(target: Path) -> None:
    with serve(Server(BODY, [Answer(drop_after=5000)])) as server:
        with pytest.raises(DownloadError):
            download(server, target, retries=0)
        assert names_beside(target) == ["HIGGS.csv.gz.part", "HIGGS.csv.gz.part.etag"]
        download(server, target)
    assert server.asked_ranges == [None, "bytes=5000-"]


def test_part_from_another_url_resumes_without_its_etag(target: Path) -> None:
    part_of(target, BODY[:5000], 'http://other.invalid/HIGGS.csv.gz\n"9"')
    with serve(Server(BODY)) as server:
        download(server, target)
    assert target.read_bytes() == BODY
    assert server.asked_ranges == ["bytes=5000-"]
    assert "If-Range" not in server.requests[0]


def test_complete_part_needs_no_request(target: Path) -> None:
    part_of(target, BODY)
    with serve(Server(BODY)) as server:
        download(server, target)
    assert server.requests == []
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("content", [b"other" * 1000, BODY + b"more"])
def test_part_of_another_file_is_deleted(content: bytes, target: Path) -> None:
    part_of(target, content)
    with serve(Server(BODY, ranges=False)) as server:
        with pytest.raises(ChangedError):
            download(server, target)
        assert names_beside(target) == []
        from_mirrors([server.url], lambda _: download(server, target), "")
    assert target.read_bytes() == BODY


def test_file_that_changed_since_the_kill_is_downloaded_anew(target: Path) -> None:
    with serve(Server(BODY, etag='"2"')) as server:
        part_of(target, BODY[::-1][:5000], f'{server.url}\n"1"')
        from_mirrors([server.url], lambda _: download(server, target), "")
    assert target.read_bytes() == BODY


def test_download_with_another_sha256_is_deleted(target: Path) -> None:
    with serve(Server(BODY)) as server, pytest.raises(DownloadError, match=f"is {SHA256}, expected 0000"):
        download(server, target, sha256="0" * 64)
    assert names_beside(target) == []


def test_page_of_another_size_does_not_change_the_part(target: Path) -> None:
    part = part_of(target, BODY[:5000])
    with serve(Server(b"<html>", ranges=False)) as server, pytest.raises(DownloadError, match="the file is 6 bytes"):
        download(server, target)
    assert part.read_bytes() == BODY[:5000]


@pytest.mark.parametrize("had", [0, 5000])
def test_page_without_a_length_does_not_change_the_part(had: int, target: Path) -> None:
    part = part_of(target, BODY[:had])
    with (
        serve(Server(b"<html>", ranges=False, is_chunked=True)) as server,
        pytest.raises(DownloadError, match="of unknown size"),
    ):
        download(server, target)
    assert part.read_bytes() == BODY[:had]


def test_full_disk_is_an_error_before_the_download(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with (
        serve(Server(BODY)) as server,
        pytest.raises(UserError, match="needs 102,400 more bytes, but only 100"),
    ):
        download(server, target)
    assert server.requests == []


def test_only_the_expected_file_is_complete(target: Path) -> None:
    assert not is_complete(target, len(BODY), SHA256)
    target.parent.mkdir()
    target.write_bytes(BODY)
    assert is_complete(target, len(BODY), SHA256)
    target.write_bytes(BODY[::-1])
    assert not is_complete(target, len(BODY), SHA256)
    assert names_beside(target) == ["HIGGS.csv.gz.bad"]
