"""`python -m overfitting`."""

import sys

try:
    from overfitting.cli.commands import main

    main()
except KeyboardInterrupt:  # while the packages are imported
    sys.exit(130)
