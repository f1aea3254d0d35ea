"""`python -m app.cli` is `ops`."""

from app.cli.root import main

if __name__ == "__main__":
    raise SystemExit(main())
