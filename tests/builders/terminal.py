"""Runs a program on a pseudo-terminal, types into it and reads its output."""

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
    """Runs `command` in `folder` on a pseudo-terminal with `columns`; leaving the context ends it."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int = 80) -> None:
        self._written = b""
        self._file, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        # Ctrl-C must work there even if the tests themselves run in the background and ignore it
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
        os.close(self._file)  # hangs up
        self.process.wait(60)

    @property
    def text(self) -> str:
        """All output so far, without control codes."""
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", self._written.decode(errors="replace")).replace("\r", "")

    def type(self, keys: str) -> None:
        os.write(self._file, keys.encode())

    def wait_for(self, pattern: str, seconds: float = 300, start: int = 0) -> str:
        """Wait until `text` from position `start` on matches `pattern`, and return the match."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text[start:])):
            assert time.monotonic() < end, f"{pattern!r} did not come:\n{self.text}"
            assert self._read(), f"{pattern!r} did not come before the end:\n{self.text}"
        return found.group()

    def exit_status(self) -> int:
        """Exit status of the program, after waiting for its end."""
        while self._read():
            pass
        return self.process.wait(60)

    def _read(self) -> bool:
        """Read new output for up to one second; False at the end of the output."""
        if not select([self._file], [], [], 1.0)[0]:
            return True
        try:
            new = os.read(self._file, 65536)
        except OSError:  # Linux reports the end of a terminal like this
            return False
        self._written += new
        return bool(new)
