"""A whole file kept on disk: downloaded once, resumed even after the process was killed, and checked."""

import hashlib
import logging
import shutil
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.base.progress_bar import track
from overfitting.data.sources.higgs.download import Remote
from overfitting.data.sources.higgs.mirrors import ChangedError, DownloadError

_log = logging.getLogger(__name__)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_kept(target: Path, size: int, sha256: str) -> bool:
    """Whether `target` is there and whole; a file that is not what it should be is set aside as `.bad`."""
    if not target.exists():
        return False
    if target.stat().st_size == size and sha256_of(target) == sha256:
        return True
    aside = target.with_name(f"{target.name}.bad")
    _log.warning("%s is not the expected file (size or SHA-256); kept as %s", target, aside.name)
    target.replace(aside)
    return False


def save(remote: Remote, target: Path, size: int, sha256: str) -> None:
    """Download `remote`, which must have `size` bytes, to `target`; go on from `target`.part where there is one.

    Raises DownloadError when the URL is of no use (the part stays, for another URL or a later run) or when what came
    has another SHA-256 (the part is deleted), and UserError when the disk is too small.
    """
    part = target.with_name(f"{target.name}.part")
    version = target.with_name(f"{target.name}.part.etag")
    target.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    remote.size = size
    _resume(remote, part, version)
    if remote.offset > size:
        _delete(part, version)
        raise ChangedError(f"{part} is larger than the file and was deleted")
    _check_space(target, size - remote.offset)
    try:
        if remote.offset < size:
            _append(remote, part, version, size)
    except ChangedError:
        _delete(part, version)
        raise
    found = remote.digest.hexdigest()
    if found != sha256:
        _delete(part, version)
        raise DownloadError(f"the SHA-256 of what came is {found}, expected {sha256}; what came was deleted")
    part.replace(target)
    version.unlink(missing_ok=True)


def _resume(remote: Remote, part: Path, version: Path) -> None:
    """Tell `remote` what `part` holds, and which version of the file it came from if that is known for this URL."""
    with part.open("rb") as file:
        remote.digest = hashlib.file_digest(file, "sha256")
    remote.offset = part.stat().st_size
    url, _, etag = version.read_text(encoding="utf-8").partition("\n") if version.exists() else ("", "", "")
    remote.etag = etag if etag and url == remote.url else None


def _check_space(target: Path, missing: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < missing:
        raise UserError(
            f"{target} needs {missing:,} more bytes, but only {free:,} are free there: make room, or set data.rows"
        )


def _append(remote: Remote, part: Path, version: Path, size: int) -> None:
    with part.open("ab") as file, track(size, f"Downloading {part.stem}", "bytes", done=remote.offset) as bar:
        noted: str | None = None
        for chunk in remote.chunks():
            if remote.etag and remote.etag != noted:
                version.write_text(f"{remote.url}\n{remote.etag}", encoding="utf-8")
                noted = remote.etag
            file.write(chunk)
            bar.advance(len(chunk))


def _delete(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
