"""`python -m overfitting`."""

from overfitting.cli.commands import main

main()
