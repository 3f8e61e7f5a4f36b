"""Run the command line as `python -m stackfix`."""

from stackfix.cli.main import main

main()
