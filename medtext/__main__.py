"""`python -m medtext`."""

import sys

from medtext.cli import main

if __name__ == "__main__":
    sys.exit(main())
