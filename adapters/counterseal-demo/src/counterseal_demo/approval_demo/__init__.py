"""
The demo: one approval from beginning to end, without server or network, then ten forgeries.

- `questions`: the question of a file, or the demo's own
- `service`: a service in memory, whose clock only the demo moves, with a device and challenges
- `forgeries`: the ten forged answers, which are sent through the use cases
- `story`: all steps in order, and their results
- `report`: the results for a person or for a program
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
