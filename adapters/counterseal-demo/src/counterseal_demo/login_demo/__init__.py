"""
The demo of log-ins: the main job where an Identity Provider says who the user is.

The service serves at a loopback port, the provider at another one; everything goes over HTTP.

- `login_demo.world`: a service in memory that serves, a provider, a tenant and the origin's end
- `login_demo.person`: a person with a browser and a device
- `login_demo.attacks`: ten attempts to get in, made for real
- `login_demo.story`: everything in its order, and what became of it
- `login_demo.report`: the story told to a person or to a program
"""

from __future__ import annotations

from counterseal_demo.login_demo.report import document, keepsakes, show
from counterseal_demo.login_demo.story import Story, play

__all__ = ["Story", "document", "keepsakes", "play", "show"]
