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

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
