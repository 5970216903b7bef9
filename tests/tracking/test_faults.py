"""Whatever MLflow does, the pipeline goes on: one warning, a deadline, and the next sync adds what is missing."""

import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overfitting.tracking import store, sync
from overfitting.tracking.address import tracking_uri, without_secrets
from overfitting.tracking.store import open_store
from tests.builders.mlflow_files import WARNINGS, empty_mlflow, write_comparison

pytestmark = WARNINGS


@pytest.fixture
def root(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    empty_mlflow(tmp_path, tmp_path_factory, monkeypatch)
    write_comparison(tmp_path)
    return tmp_path


@contextmanager
def answering(reply: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Address of a server that answers every request with `reply`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply(self)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"http://user:secret@127.0.0.1:{http.server_port}"
        http.shutdown()


def error_500(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(500)


def later(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(429)
    handler.send_header("Retry-After", "3600")
    handler.end_headers()


def no_json(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"<html>a login page</html>")


def drop_by_drop(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1000):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return
        time.sleep(0.5)


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(60)


def is_told_once(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "secret" not in record.getMessage()
    return text in record.getMessage()


@pytest.mark.parametrize("reply", [error_500, no_json])
def test_a_server_that_fails_costs_one_warning(root, monkeypatch, caplog, reply):
    with answering(reply) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert not sync.sync(root)
    assert is_told_once(caplog, "is not brought up to date")


@pytest.mark.slow
@pytest.mark.parametrize("reply", [later, drop_by_drop, silent])
def test_a_server_that_hangs_is_given_up_at_the_deadline(root, monkeypatch, caplog, capfd, reply):
    monkeypatch.chdir(root)
    with answering(reply) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        began = time.monotonic()
        sync.sync_within(12)
        assert time.monotonic() - began < 20
    told = [*(record.getMessage() for record in caplog.records), *capfd.readouterr().err.splitlines()]
    assert len(told) == 1
    assert "secret" not in told[0]
    assert "took longer than 12 s" in told[0] or "is not brought up to date" in told[0]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("postgresql+pg8000://user:secret@127.0.0.1:9/x", "pg8000"),  # no such driver here
        ("carrier-pigeon://user:secret@host/x", "carrier-pigeon"),
        ("http://user:secret@127.0.0.1:9", "127.0.0.1:9"),
        ("http://user:secret@no.such.host.invalid", "no.such.host.invalid"),
        ("postgresql://user:secret/word@127.0.0.1:9/x", "is not brought up to date"),
    ],
)
def test_an_address_that_leads_nowhere_costs_one_warning(root, monkeypatch, caplog, address, reason):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert not sync.sync(root)
    assert is_told_once(caplog, reason)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_database_costs_one_warning_and_is_left_as_it_is(root, caplog, content):
    (root / "mlflow.db").write_bytes(content)
    assert not sync.sync(root)
    assert is_told_once(caplog, "is not brought up to date")
    assert (root / "mlflow.db").read_bytes() == content


@pytest.mark.slow
def test_a_locked_database_costs_one_warning_and_the_next_sync_adds_everything_once(root, monkeypatch, caplog, capfd):
    monkeypatch.chdir(root)
    other = sqlite3.connect(root / "mlflow.db")
    other.execute("BEGIN EXCLUSIVE")
    sync.sync_within(15)
    told = [*(record.getMessage() for record in caplog.records), *capfd.readouterr().err.splitlines()]
    assert len(told) == 1, told
    other.rollback()
    other.close()
    for _ in range(2):
        assert sync.sync(root)
    found = open_store(root, tracking_uri(root)).search("")
    assert len(found) == 1 + 3 + 4  # a comparison, its variants and baseline, their networks


def test_a_server_that_dies_in_between_is_completed_by_the_next_sync(root, monkeypatch, caplog):
    calls = iter(range(1000))
    log = store.Store.log

    def fails_at_the_third_call(self, *arguments, **named):
        if next(calls) == 2:
            raise ConnectionResetError("the server died")
        log(self, *arguments, **named)

    monkeypatch.setattr(store.Store, "log", fails_at_the_third_call)
    assert not sync.sync(root)
    assert is_told_once(caplog, "the server died")
    assert sync.sync(root)
    found = open_store(root, tracking_uri(root)).search("")
    assert len(found) == 1 + 3 + 4
    assert {run.info.status for run in found} == {"FINISHED"}


@given(password=st.text("abcXYZ0189@/:?#%&=+!$~", min_size=6, max_size=20))
def test_no_part_of_a_password_is_shown(password):
    secret = f"Q{password}Q"
    for text in (
        f"postgresql://user:{secret}@db.example:5432/mlflow failed",
        f"(OperationalError) could not connect to mysql://u:{secret}@h/x",
        f"https://mlflow.example/api?token={secret}",
        f"HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: /api/2.0?token={secret} (Caused by X)",
    ):
        shown = without_secrets(text)
        parts = [part for part in (secret, secret[:5], secret[-5:]) if part in shown]
        assert not parts, (text, shown)


def test_words_of_a_secret_are_hidden_where_a_library_quotes_them():
    address = "postgresql://user:pa55/w0rd@db.example/x?sslpassword=t0ken"
    shown = without_secrets("invalid port 'pa55'; near w0rd, t0ken and database x of db.example", address)
    assert shown == "invalid port '…'; near …, … and database x of db.example"


def test_the_rest_of_an_address_is_shown():
    assert without_secrets("sqlite:////data/mlflow.db") == "sqlite:////data/mlflow.db"
    assert without_secrets("http://a:b@c.example:5000/x is down\nand more") == "http://c.example:5000/x is down"


def test_a_port_that_nobody_serves_is_refused_at_once(root, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{probe.getsockname()[1]}")
    began = time.monotonic()
    assert not sync.sync(root)
    assert time.monotonic() - began < 20
