"""Downloads a whole file to disk once: resumes after a kill, and checks the SHA-256."""

import hashlib
import logging
import shutil
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.base.files import file_digest, write_text
from overfitting.base.progress_bar import track
from overfitting.data.sources.higgs.download import ChangedError, DownloadError, Remote

_log = logging.getLogger(__name__)


def is_complete(target: Path, size: int, sha256: str) -> bool:
    """Whether `target` exists with this size and SHA-256; a different file is renamed to `.bad`."""
    if not target.exists():
        return False
    if target.stat().st_size == size and file_digest(target) == sha256:
        return True
    aside = target.with_name(f"{target.name}.bad")
    _log.warning("%s has an unexpected size or SHA-256; renamed to %s", target, aside.name)
    target.replace(aside)
    return False


def save(remote: Remote, target: Path, size: int, sha256: str) -> None:
    """Download `remote`, which must have `size` bytes, to `target`; resume from `target`.part if it exists.

    Raises:
        DownloadError: the URL fails (the part stays, for another URL or a later run), or the SHA-256 differs (the part
            is deleted).
        ChangedError: the part does not belong to the file on the server; it is deleted.
        UserError: the disk has too little space.
    """
    part, version = (target.with_name(f"{target.name}{suffix}") for suffix in (".part", ".part.etag"))
    target.parent.mkdir(parents=True, exist_ok=True)
    part.touch()
    with part.open("rb") as file:
        remote.digest = hashlib.file_digest(file, "sha256")
    remote.size, remote.offset = size, part.stat().st_size
    url, _, etag = version.read_text(encoding="utf-8").partition("\n") if version.exists() else ("", "", "")
    remote.etag = etag if etag and url == remote.url else None
    missing, free = size - remote.offset, shutil.disk_usage(target.parent).free
    if free < missing:
        raise UserError(
            f"{target} needs {missing:,} more bytes, but only {free:,} are free: free some space, or set data.rows"
        )
    try:
        if missing < 0:
            raise ChangedError(f"{part} is larger than the file and was deleted")
        if missing:
            _append(remote, part, version)
    except ChangedError:
        _delete(part, version)
        raise
    if (found := remote.digest.hexdigest()) != sha256:
        _delete(part, version)
        raise DownloadError(f"the SHA-256 of the download is {found}, expected {sha256}; the download was deleted")
    part.replace(target)
    version.unlink(missing_ok=True)


def _append(remote: Remote, part: Path, version: Path) -> None:
    """Append the missing bytes to `part`; `version` states which file they belong to."""
    total, written = remote.size or 0, None
    with part.open("ab") as file, track(total, f"Downloading {part.stem}", "bytes", done=remote.offset) as bar:
        for chunk in remote.chunks():
            if remote.etag and remote.etag != written:
                write_text(version, f"{remote.url}\n{remote.etag}")
                written = remote.etag
            file.write(chunk)
            bar.advance(len(chunk))


def _delete(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
