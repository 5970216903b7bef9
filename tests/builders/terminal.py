"""A program on a real terminal, which is typed at and read, as a person does it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import select

INTERRUPT = "\x03"  # Ctrl-C


class Terminal:
    """`command` in `folder` on a pseudo-terminal of `columns`; leaving the context ends it."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int = 80) -> None:
        self._written = b""
        self._file, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        # Ctrl-C counts there, even where the tests themselves are run in the background and ignore it
        at_terminal = (
            "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
            "os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", at_terminal, *command],
            cwd=folder,
            env={**environment, "TERM": "xterm-256color"},
            stdin=other,
            stdout=other,
            stderr=other,
        )
        os.close(other)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)  # which hangs up
        self.process.wait(60)

    @property
    def text(self) -> str:
        """All that was written so far, less control codes."""
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", self._written.decode(errors="replace")).replace("\r", "")

    def type(self, keys: str) -> None:
        os.write(self._file, keys.encode())

    def wait_for(self, pattern: str, seconds: float = 300, start: int = 0) -> str:
        """Wait until `text` after `start` has `pattern`; return what matched."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text[start:])):
            assert time.monotonic() < end, f"{pattern!r} did not come:\n{self.text}"
            assert self._read(), f"{pattern!r} did not come before the end:\n{self.text}"
        return found.group()

    def exit_status(self) -> int:
        """Wait for the end."""
        while self._read():
            pass
        return self.process.wait(60)

    def _read(self) -> bool:
        """Take what comes within a second; False at the end."""
        if not select([self._file], [], [], 1.0)[0]:
            return True
        try:
            new = os.read(self._file, 65536)
        except OSError:  # on Linux: nobody writes any more
            return False
        self._written += new
        return bool(new)
