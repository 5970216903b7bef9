"""How a command ends after a user's mistake."""

import sys
from typing import NoReturn


def fail(command: str, message: object) -> NoReturn:
    """Print the message on standard error, after the name of the command, and exit with status 2."""
    print(f"overfitting {command}: {message}", file=sys.stderr)
    sys.exit(2)
