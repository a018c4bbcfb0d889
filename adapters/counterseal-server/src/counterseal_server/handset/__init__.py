"""
A device on the command line: its home on the disk, and its calls to a service.

- `Home`: the software device, the address of its service, and where both are kept.
- `Handset`: what a person does with it, over HTTP.
"""

from __future__ import annotations

from counterseal_server.handset.calls import ServiceRefused, ServiceUnreachable
from counterseal_server.handset.handset import Handset
from counterseal_server.handset.home import Home

__all__ = ["Handset", "Home", "ServiceRefused", "ServiceUnreachable"]
