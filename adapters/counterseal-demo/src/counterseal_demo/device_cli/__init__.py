"""
A device on the command line: its home on the disk, and its calls to a service.

- `Home`: the software device, the address of its service, and where both are kept.
- `DeviceClient`: what a person does with it, over HTTP.
- `log_in`: a person at an Identity Provider, and back at a loopback port.
"""

from __future__ import annotations

from counterseal_demo.device_cli.calls import Calls, ServiceRefused, ServiceUnreachable
from counterseal_demo.device_cli.device import DeviceClient
from counterseal_demo.device_cli.home import Home
from counterseal_demo.device_cli.login import log_in

__all__ = ["Calls", "DeviceClient", "Home", "ServiceRefused", "ServiceUnreachable", "log_in"]
