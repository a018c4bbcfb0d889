"""The app: what this program says of itself and of its user's language to the service."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version

import attrs

from counterseal import ijson
from counterseal.bindings.documents.device import AccountStatus, DeviceStatus
from counterseal.bindings.documents.enrolment import Update, update_document
from counterseal.device import SoftwareDevice
from counterseal.models import is_language
from counterseal_http.devices import DeviceCalls
from counterseal_server.words import read_locale

PLATFORM = " ".join(filter(None, (platform.system(), platform.machine()))) or "Python"
"""Such as `Linux x86_64`."""

APP_VERSION = version("counterseal-demo")


def read_language(environment: Mapping[str, str] = os.environ) -> str:
    """Return the tag of the person's language, such as `de-AT`; empty if the locale names none."""
    tag = read_locale(environment)
    return tag if is_language(tag) else ""


def changes_for(status: AccountStatus, language: str) -> Update | None:
    """
    Return what the service has to learn of this program and its user; None if it knows all of it.

    A service that displays actions in no language takes none.
    """
    has_language = status.languages is None or language in {"", status.language}
    if has_language and (status.platform, status.app_version) == (PLATFORM, APP_VERSION):
        return None
    update = Update(platform=PLATFORM, app_version=APP_VERSION)
    return update if has_language else attrs.evolve(update, language=language)


def send_changes(calls: DeviceCalls, device: SoftwareDevice, update: Update) -> DeviceStatus:
    """
    Tell the service what has changed of this program and its user.

    Raises:
        ServiceRefused: The service refused the call.
        ServiceUnreachable: It did not reply, or its reply is invalid.
    """
    body = ijson.compact(update_document(update))
    return calls.json_request(device, "PATCH", "/device", body, DeviceStatus)
