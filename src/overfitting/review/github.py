"""Posts the comment on a pull request through GitHub's command line, gh."""

import json
import os
import subprocess
from pathlib import Path

from overfitting.base.errors import UserError
from overfitting.review.sections import MARK


def post(number: str, path: Path) -> None:
    """Post a file as comment on pull request `number`, or replace the comment that an earlier call posted.

    The earlier comment has the mark and a bot as author. `gh` reads the token from GH_TOKEN; GITHUB_REPOSITORY names
    the repository.

    Raises:
        UserError: the file is not such a comment, gh is not installed, or GitHub refused.
    """
    if not path.is_file() or not path.read_text(encoding="utf-8").startswith(MARK):
        raise UserError(f"expected the output of `make pr-report` in {path}")
    comments = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/{number}/comments"
    pages = json.loads(_gh("--paginate", "--slurp", f"{comments}?per_page=100"))
    ours = [
        found["id"]
        for page in pages
        for found in page
        if found["body"].startswith(MARK) and found["user"]["type"] == "Bot"
    ]
    target = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues/comments/{ours[0]}" if ours else comments
    _gh("--method", "PATCH" if ours else "POST", target, "--field", f"body=@{path}")


def _gh(*arguments: str) -> str:
    """Standard output of `gh api`."""
    try:
        done = subprocess.run(["gh", "api", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise UserError("expected GitHub's command line, gh, on PATH") from None
    if done.returncode:
        raise UserError(f"gh api {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout
