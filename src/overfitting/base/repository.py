"""Runs git and DVC, and asks git which commit is checked out."""

import subprocess
import sys
from pathlib import Path

from overfitting.base.errors import UserError

DVC = (sys.executable, "-m", "dvc")


def git(*arguments: str, root: Path = Path()) -> str | None:
    """Standard output of a git command in `root`; None if it fails or git is not installed."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout


def commit(root: Path = Path()) -> str | None:
    """Hash of the commit that is checked out in `root`; None without git or before the first commit."""
    found = git("rev-parse", "HEAD", root=root)
    return found and found.strip()


def dvc(*arguments: str, root: Path = Path()) -> str:
    """Standard output of a DVC command in `root`; raises UserError with DVC's message if it fails."""
    done = subprocess.run([*DVC, *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"dvc {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.strip()
