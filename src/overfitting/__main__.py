"""`python -m overfitting`."""

from overfitting.cli import main

main()
