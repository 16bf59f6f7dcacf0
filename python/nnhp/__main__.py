"""``python -m nnhp``: the command ``nnhp``, for where its script is on no path."""

import sys

from nnhp.cli import main

if __name__ == "__main__":
    sys.exit(main())
