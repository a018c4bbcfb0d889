"""
A device on the command line: its folder on the disk, and its calls to a service.

- `Home`: the folder with the software device and the URL of its service.
- `DeviceClient`: binds the device, shows questions and answers them, over HTTP.
- `log_in`: logs a person in at an Identity Provider, with a redirect to a loopback port.
"""

from __future__ import annotations

from counterseal_demo.device_cli.calls import Calls, ServiceRefused, ServiceUnreachable
from counterseal_demo.device_cli.device import DeviceClient
from counterseal_demo.device_cli.home import Home
from counterseal_demo.device_cli.login import log_in

__all__ = ["Calls", "DeviceClient", "Home", "ServiceRefused", "ServiceUnreachable", "log_in"]
