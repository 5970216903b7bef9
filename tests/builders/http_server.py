"""A local HTTP server that fails in configured ways."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """Deviations from a correct response to one request; None: no deviation."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None  # bytes of the body after which the connection closes
    stall_after: int | None = None  # bytes of the body after which the server falls silent
    drip: bool = False  # a byte of the body every hundredth of a second
    body: bytes | None = None  # the file from this request on
    etag: str | None = None  # its version from this request on


@dataclass
class Server:
    """A server with one file at every path; each request uses up one of the answers, then responses are correct."""

    body: bytes
    answers: list[Answer] = field(default_factory=list)
    ranges: bool = True
    if_range: bool = True
    etag: str | None = '"1"'
    is_chunked: bool = False
    extra_length: int = 0  # added to the true Content-Length
    url: str = ""
    requests: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def asked_ranges(self) -> list[str | None]:
        return [headers.get("Range") for headers in self.requests]


@contextmanager
def serve(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            with suppress(ConnectionError):
                _reply(self, server)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = False
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}/HIGGS.csv.gz"
        try:
            yield server
        finally:
            server.released.set()
            http.shutdown()
            thread.join()


def _reply(handler: BaseHTTPRequestHandler, server: Server) -> None:
    server.requests.append(dict(handler.headers))
    server.paths.append(handler.path)
    answer = server.answers.pop(0) if server.answers else Answer()
    server.body = server.body if answer.body is None else answer.body
    server.etag = server.etag if answer.etag is None else answer.etag
    status, headers, body = _regular(handler, server)
    if answer.status is not None:
        status, body = answer.status, b"an error page"
        headers = {"Content-Length": str(len(body))}
    handler.send_response(status)
    for name, value in (headers | answer.headers | {"Connection": "close"}).items():
        handler.send_header(name, value)
    handler.end_headers()
    limits = [limit for limit in (answer.drop_after, answer.stall_after) if limit is not None]
    if answer.drip:
        for byte in body:
            handler.wfile.write(bytes([byte]))
            if server.released.wait(0.01):
                return
    _send(handler, body[: min(limits)] if limits else body, is_chunked="Transfer-Encoding" in headers)
    if answer.stall_after is not None:
        server.released.wait()
    elif not limits and "Transfer-Encoding" in headers:
        handler.wfile.write(b"0\r\n\r\n")


def _regular(handler: BaseHTTPRequestHandler, server: Server) -> tuple[int, dict[str, str], bytes]:
    body, total = server.body, len(server.body)
    headers = {"ETag": server.etag} if server.etag else {}
    wanted = handler.headers.get("Range")
    is_same = not server.if_range or handler.headers.get("If-Range") in (None, server.etag)
    status = 200
    if wanted and server.ranges and is_same:
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= total:
            return 416, {"Content-Range": f"bytes */{total}", "Content-Length": "0"}, b""
        status, body = 206, body[start:]
        headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
    if server.is_chunked:
        return status, headers | {"Transfer-Encoding": "chunked"}, body
    return status, headers | {"Content-Length": str(len(body) + server.extra_length)}, body


def _send(handler: BaseHTTPRequestHandler, body: bytes, is_chunked: bool) -> None:
    if not is_chunked:
        handler.wfile.write(body)
        return
    for start in range(0, len(body), 1000):
        piece = body[start : start + 1000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
