"""The one exception for mistakes that the user can mend."""


class UserError(Exception):
    """A mistake in configuration or input; its message says what was expected, what came and what to do.

    The command line prints the message without a traceback and exits with status 2.
    """
