"""Downloads a file over unreliable HTTP: retries, resumes, and tries several URLs."""

import hashlib
import logging
import ssl
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3 import exceptions

from overfitting.base.errors import UserError

CHUNK_BYTES = 1 << 18
BACKOFF_SECONDS = 1.0
MAX_WAIT_SECONDS = 60.0  # a server that asks for more is left for the next URL
SLOWEST = 4096  # bytes per second, over SLOW_SECONDS; a connection that delivers less is closed
SLOW_SECONDS = 60.0
PROGRESS_BYTES = 1 << 16  # a connection that delivers this much before it breaks resets the count of failures
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses that may pass

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class DownloadError(Exception):
    """A URL does not deliver the file; another URL may."""


class ChangedError(DownloadError):
    """The file on the server has changed since its first bytes were downloaded; the download must restart."""


@dataclass(eq=False)
class _BrokenError(Exception):
    """A failure that may pass; `wait` is the delay in seconds that the server asked for, if any."""

    reason: str
    wait: float | None = None


def from_mirrors(urls: Iterable[str], attempt: Callable[[str], _Result], advice: str) -> _Result:
    """Result of `attempt(url)` for the first URL that works; an attempt restarts once if the file has changed.

    Raises:
        UserError: no URL works; the message has the reason per URL, and `advice`.
    """
    reasons = []
    for url in urls:
        try:
            try:
                return attempt(url)
            except ChangedError as error:
                _log.warning("%s: %s; restarting the download", url, error)
                return attempt(url)
        except DownloadError as error:
            _log.warning("%s: %s", url, error)
            reasons.append(f"\n  {url}: {error}")
    raise UserError(f"No URL delivered the file:{''.join(reasons)}\n{advice}")


@dataclass
class Remote:
    """A file at a URL, partly downloaded."""

    url: str
    timeout_seconds: float
    retries: int  # consecutive failures that are tolerated
    size: int | None = None  # bytes that the server must report; None: any number
    offset: int = 0  # bytes downloaded so far
    etag: str | None = None  # version of the file that these bytes belong to
    digest: Any = field(default_factory=hashlib.sha256)  # SHA-256 of these bytes
    _total: int | None = None  # bytes of the whole file, as the server reports

    def chunks(self) -> Generator[bytes, None, None]:
        """Yield the bytes from `offset` to the end, over as many connections as necessary.

        Raises:
            DownloadError: more than `retries` consecutive failures, or one that another attempt cannot overcome.
            ChangedError: the file has changed.
        """
        failures = 0
        while True:
            start = self.offset
            try:
                yield from self._connection()
                return
            except (exceptions.HTTPError, _BrokenError) as error:
                failures = 1 if self.offset - start >= PROGRESS_BYTES else failures + 1
                reason, is_final = _explained(error)
                if failures > self.retries or is_final:
                    at = f" (at byte {self.offset:,}, attempt {failures})" if self.offset or failures > 1 else ""
                    raise DownloadError(f"{reason}{at}") from error
                wait = min(MAX_WAIT_SECONDS, BACKOFF_SECONDS * 2 ** (failures - 1))
                if isinstance(error, _BrokenError) and error.wait is not None:
                    wait = error.wait
                if wait > MAX_WAIT_SECONDS:
                    raise DownloadError(f"{reason}; the server asks to wait {wait:,.0f} s") from error
            _log.warning("%s: %s at byte %s; next attempt in %.0f s", self.url, reason, f"{self.offset:,}", wait)
            sleep(wait)

    def _connection(self) -> Iterator[bytes]:
        """Yield the new bytes of one request; bytes that were downloaded before are checked and skipped."""
        with _pool(self.url) as pool:
            response = pool.request(
                "GET",
                self.url,
                headers=self._headers(),
                preload_content=False,
                decode_content=False,
                timeout=self.timeout_seconds,
                retries=urllib3.Retry(total=None, connect=0, read=0, redirect=10, status=0, other=0),
            )
            try:
                known = self._known_bytes(response)
                if known is None:
                    return
                # read1, because read would lose the bytes in its buffer if the connection stalls
                pieces = _not_too_slow(iter(partial(response.read1, CHUNK_BYTES, decode_content=False), b""))
                for chunk in self._without_known(pieces, known):
                    self.offset += len(chunk)
                    if self._total is not None and self.offset > self._total:
                        raise DownloadError(f"the server sends more than the {self._total:,} bytes of the file")
                    self.digest.update(chunk)
                    yield chunk
            finally:
                response.close()
        if self._total is not None and self.offset < self._total:
            raise _BrokenError(f"the server ended the body at {self.offset:,} of {self._total:,} bytes")

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity", "User-Agent": "overfitting"}
        if self.offset:
            headers["Range"] = f"bytes={self.offset}-"
            if self.etag and not self.etag.startswith("W/"):
                headers["If-Range"] = self.etag
        return headers

    def _known_bytes(self, response: urllib3.BaseHTTPResponse) -> int | None:
        """Check status, size and version; return how many bytes of the body are already downloaded (None: all)."""
        status, headers = response.status, response.headers
        if status in TRANSIENT:
            raise _BrokenError(f"HTTP {status} {response.reason}", urllib3.Retry().get_retry_after(response))
        unit_range, _, total_text = headers.get("Content-Range", "").partition("/")
        total = total_text if status in (206, 416) else headers.get("Content-Length", "")
        size = int(total) if total.isdecimal() else None
        is_complete = status == 416 and size == self.offset
        if status not in (200, 206) and not is_complete:
            raise DownloadError(f"HTTP {status} {response.reason}")
        # an unreported size counts as wrong, so that an error page never becomes the start of a file on disk
        if self.size is not None and size != self.size:
            given = "of unknown size" if size is None else f"{size:,} bytes"
            raise DownloadError(f"the file is {given}, expected {self.size:,} bytes")
        if is_complete:
            return None
        if size is not None and self._total not in (None, size):
            raise ChangedError(f"the file changed from {self._total:,} to {size:,} bytes")
        self._total = self._total if size is None else size
        if status == 206:
            if unit_range.split("-")[0] != f"bytes {self.offset}":
                raise DownloadError(f"requested the bytes from {self.offset} on, got Content-Range {unit_range!r}")
            if self.etag and headers.get("ETag", self.etag) != self.etag:
                raise ChangedError(f"the file changed from ETag {self.etag} to {headers['ETag']}")
        self.etag = headers.get("ETag")
        return self.offset if status == 200 else 0

    def _without_known(self, pieces: Iterator[bytes], known: int) -> Iterator[bytes]:
        """Skip and check the first `known` bytes, which a server without range requests sends again."""
        again = hashlib.sha256()
        for piece in pieces:
            head, tail = piece[:known], piece[known:]
            again.update(head)
            known -= len(head)
            if head and not known and again.digest() != self.digest.digest():
                raise ChangedError(f"the first {self.offset:,} bytes of the file changed")
            if tail:
                yield tail
        if known:
            raise ChangedError(f"the file is now shorter than the {self.offset:,} bytes downloaded before")


def _not_too_slow(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The `pieces`, as long as they arrive fast enough: a server that sends a byte now and then never times out."""
    since, received = monotonic(), 0
    for piece in pieces:
        received += len(piece)
        if (seconds := monotonic() - since) >= SLOW_SECONDS:
            if received < SLOWEST * seconds:
                raise _BrokenError(f"the server sent {received:,} bytes in {seconds:.0f} s")
            since, received = monotonic(), 0
        yield piece


def _pool(url: str) -> urllib3.PoolManager:
    """Connections, through the proxy that the environment names for this URL, if any."""
    parts = urlsplit(url)
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
    if not proxy:
        return urllib3.PoolManager()
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    auth = urllib3.util.parse_url(proxy).auth
    headers = urllib3.make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers)


def _explained(error: Exception) -> tuple[str, bool]:
    """The reason for a failure, and whether another attempt would fail, too: such as an unknown host."""
    cause: Any = error.reason if isinstance(error, exceptions.MaxRetryError) and error.reason else error
    text = str(cause.args[0] if cause.args else cause)
    is_untrusted = isinstance(cause, exceptions.SSLError) and isinstance(cause.args[0], ssl.SSLCertVerificationError)
    final = exceptions.NameResolutionError | exceptions.ResponseError | exceptions.LocationValueError
    shown = text.partition("): ")[2] or text if text.startswith(("HTTPConnection", "HTTPSConnection")) else text
    return shown, is_untrusted or isinstance(cause, final)
