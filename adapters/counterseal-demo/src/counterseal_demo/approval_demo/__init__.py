"""
The demo: one approval from beginning to end, without server or network, then ten forgeries.

- `questions`: the question of a file, or the demo's own
- `service`: a service in memory, whose clock only the demo moves, with a device and challenges
- `forgeries`: the ten forged answers, which are sent through the use cases
- `story`: all steps in order, and their results
- `report`: the results for a person or for a program
"""

from __future__ import annotations

from counterseal_demo.approval_demo.forgeries import Attempt
from counterseal_demo.approval_demo.questions import ACCOUNT_ID, read
from counterseal_demo.approval_demo.report import document, keepsakes, show
from counterseal_demo.approval_demo.story import Story, play

__all__ = ["ACCOUNT_ID", "Attempt", "Story", "document", "keepsakes", "play", "read", "show"]
