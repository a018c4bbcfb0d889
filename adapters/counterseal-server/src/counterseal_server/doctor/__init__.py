"""
The doctor: checks of an installation, which change nothing.

- `checks`: the table of all checks, and what runs them.
- `finding`: what a check says.
- `installation`: what a check looks at.
- `report`: the lines and the JSON of the command.

The other modules have one subject each. A check reads files, the store and the network; it writes
nothing, and says no secret.
"""

from __future__ import annotations
