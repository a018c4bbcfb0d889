"""
The demo: the main job from end to end, with no server and no network, then ten forgeries.

- `clock`: time that stands still until it is moved
- `questions`: what is asked where nobody brings a challenge
- `service`: a service in memory, a tenant, a person's device, and one challenge after another
- `tokens`: what a forger does to a token
- `forgeries`: the ten attempts, made for real and sent through the use cases
- `story`: everything in its order, and what became of it
- `report`: the story told to a person or to a program
"""

from __future__ import annotations

from counterseal_demo.approval_demo.forgeries import Attempt
from counterseal_demo.approval_demo.questions import ACCOUNT_ID, read
from counterseal_demo.approval_demo.report import document, keepsakes, show
from counterseal_demo.approval_demo.story import Story, play

__all__ = ["ACCOUNT_ID", "Attempt", "Story", "document", "keepsakes", "play", "read", "show"]
