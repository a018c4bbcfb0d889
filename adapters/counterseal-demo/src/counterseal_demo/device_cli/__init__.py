"""
A device on the command line: its folder on the disk, and its calls to a service.

- `Home`: the folder with the software device and the URL of its service.
- `DeviceClient`: binds the device, shows questions and answers them, over HTTP.
- `invite_device`, `list_new_devices`, `find_new_device`, `decide_on_device`: let a new device join.
- `add_address`, `remove_address`, `set_addresses`: its push addresses.
- `rotate`: replaces its keys.
- `lookalikes_beside`: what an App Space looks like, among those of other devices on this machine.
- `log_in`: logs a person in at an Identity Provider, with a redirect to a loopback port.
"""

from __future__ import annotations

from counterseal_demo.device_cli.addresses import add_address, remove_address, set_addresses
from counterseal_demo.device_cli.device import DeviceClient
from counterseal_demo.device_cli.home import Home, lookalikes_beside
from counterseal_demo.device_cli.login import log_in
from counterseal_demo.device_cli.new_devices import (
    decide_on_device,
    find_new_device,
    invite_device,
    list_new_devices,
)
from counterseal_demo.device_cli.rotation import rotate
from counterseal_http.devices import DeviceCalls, ServiceRefused, ServiceUnreachable

__all__ = [
    "DeviceCalls",
    "DeviceClient",
    "Home",
    "ServiceRefused",
    "ServiceUnreachable",
    "add_address",
    "decide_on_device",
    "find_new_device",
    "invite_device",
    "list_new_devices",
    "log_in",
    "lookalikes_beside",
    "remove_address",
    "rotate",
    "set_addresses",
]
