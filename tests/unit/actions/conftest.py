"""What the tests of actions share: their strategies, and the inverse of renderings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # action_strategies, rendering_inverse
