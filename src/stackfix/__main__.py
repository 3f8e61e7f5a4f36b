"""Run the command line as `python -m stackfix`."""

try:
    from stackfix.cli.main import main
except KeyboardInterrupt:  # while the entry point itself is loaded, which says the same from then on
    raise SystemExit(130) from None

main()
