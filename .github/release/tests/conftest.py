"""`release` is a package beside the tests, and nothing installs it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
