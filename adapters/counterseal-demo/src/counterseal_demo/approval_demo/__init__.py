"""
The demo: one approval from beginning to end, without server or network, then ten forgeries.

- `clock`: a clock that only the demo moves
- `questions`: the question of a file, or the demo's own
- `service`: a service in memory, with a tenant, a person's device and challenges
- `tokens`: changes to a token
- `forgeries`: the ten forged answers, which are sent through the use cases
- `story`: all steps in order, and their results
- `report`: the results for a person or for a program
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
