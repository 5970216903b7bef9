"""Several URLs of one file: the first that works is taken, and what the others said is kept."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from overfitting.base.errors import UserError

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class DownloadError(Exception):
    """Why a URL is of no use; the next one may be."""


class ChangedError(DownloadError):
    """What the server holds is not what the first bytes came from: start again."""


def from_mirrors(urls: Iterable[str], attempt: Callable[[str], _Result], advice: str) -> _Result:
    """Return `attempt(url)` of the first URL that works; it is started anew once if the file changes meanwhile.

    Raises UserError with what each URL answered, and `advice`, when none works.
    """
    reasons = []
    for url in urls:
        try:
            try:
                return attempt(url)
            except ChangedError as error:
                _log.warning("%s: %s; starting again", url, error)
                return attempt(url)
        except DownloadError as error:
            _log.warning("%s: %s", url, error)
            reasons.append(f"\n  {url}: {error}")
    raise UserError(f"No URL gave the file:{''.join(reasons)}\n{advice}")
