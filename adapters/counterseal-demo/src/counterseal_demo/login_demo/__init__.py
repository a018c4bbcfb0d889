"""
The demo of log-ins: one approval of a user whom an Identity Provider identifies.

The service listens at a loopback port, the provider at another one; all calls are HTTP.

- `login_demo.world`: a service in memory, a provider, a tenant, and the receiver of callbacks
- `login_demo.person`: a person with a browser and a device
- `login_demo.attacks`: ten attacks on the log-in
- `login_demo.story`: all steps in order, and their results
- `login_demo.report`: the results for a person or for a program
"""

from __future__ import annotations

from counterseal_demo.login_demo.report import document, keepsakes, show
from counterseal_demo.login_demo.story import Story, play
from counterseal_demo.login_demo.world import world

__all__ = ["Story", "document", "keepsakes", "play", "show", "world"]
