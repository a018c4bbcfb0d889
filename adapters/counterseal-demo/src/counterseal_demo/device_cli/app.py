"""The app: what this program says of itself, for the service's list of devices."""

from __future__ import annotations

import platform
from importlib.metadata import version

from counterseal import ijson
from counterseal.bindings.documents.device import DeviceStatus
from counterseal.bindings.documents.enrolment import Update, update_document
from counterseal.device import SoftwareDevice
from counterseal_http.devices import DeviceCalls

PLATFORM = " ".join(filter(None, (platform.system(), platform.machine()))) or "Python"
"""Such as `Linux x86_64`."""

APP_VERSION = version("counterseal-demo")


def is_current(status: DeviceStatus) -> bool:
    """Tell whether the service has this program's platform and version."""
    return (status.platform, status.app_version) == (PLATFORM, APP_VERSION)


def renew_app(calls: DeviceCalls, device: SoftwareDevice) -> DeviceStatus:
    """
    Tell the service this program's platform and version, after an update.

    Raises:
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
    """
    update = Update(platform=PLATFORM, app_version=APP_VERSION)
    body = ijson.compact(update_document(update))
    return calls.json_request(device, "PATCH", "/device", body, DeviceStatus)
