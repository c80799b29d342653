#!/usr/bin/env python3
"""The command line from a clone: `python runner.py VERB`. All of it lives in stanchion.cli."""

import sys

try:
    from stanchion.cli import main
except ModuleNotFoundError as error:
    print(
        f"runner.py: {error.name} is not installed here. Run `make venv`, then `. .venv/bin/activate`.",
        file=sys.stderr,
    )
    sys.exit(2)

if __name__ == "__main__":
    main()
