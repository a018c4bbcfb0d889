"""The folder of a software device, with its keys and the URL of its service."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from counterseal import read_json
from counterseal.device import (
    AppSpaceIdentity,
    Lookalike,
    SoftwareDevice,
    device_document,
    find_lookalikes,
    read_device,
)
from counterseal.errors import InvalidField
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import AddressKind, Algorithm, PushAddress
from counterseal_demo.device_cli.displays import DisplayStore
from counterseal_demo.device_cli.unconfirmed import UnconfirmedReplies
from counterseal_keys import private_files

DEVICE_FILE = "device.json"
ROTATED_FILE = "rotated.json"
SERVICE_FILE = "service.json"
ADDRESSES_FILE = "addresses.json"
SENT_FOLDER = "sent"
SHOWN_FOLDER = "shown"


class Home:
    """
    A folder for one device.

    Args:
        path: The folder, which is created when it is needed.

    Attributes:
        unconfirmed: The replies that were sent, but not confirmed.
        displays: The questions that were shown.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.unconfirmed = UnconfirmedReplies(path / SENT_FOLDER)
        self.displays = DisplayStore(path / SHOWN_FOLDER)
        self._clock, self._entropy = SystemClock(), SystemEntropy()

    def new(self, pin: str, algorithm: Algorithm) -> SoftwareDevice:
        """
        Return a device that is not bound: that of an earlier attempt, or a new one.

        Args:
            pin: Protects the strong key of a new device.
            algorithm: Of its keys.

        Raises:
            InvalidField: There is a bound device, the PIN is empty, or the keys of the earlier
                attempt have another algorithm.
            UnfitKey: This installation does not have *algorithm*.
            OSError: The folder cannot be written.
        """
        if not pin:
            raise InvalidField("pin", "empty")
        if (self._path / DEVICE_FILE).exists():
            device = self.device()
            if device.bond is not None:
                raise InvalidField("home", "there is a bound device; give another --home")
            earlier = device.device_key.public.algorithm
            if earlier is not algorithm:
                raise InvalidField("algorithm", f"an earlier attempt made keys of {earlier.value}")
            return device
        device = SoftwareDevice.make(
            clock=self._clock, entropy=self._entropy, pin=pin, algorithm=algorithm
        )
        self.keep(device)
        return device

    def device(self) -> SoftwareDevice:
        """
        Return the device.

        Raises:
            InvalidField: There is none.
            OSError: The folder cannot be read.
        """
        device = self._load(DEVICE_FILE)
        if device is None:
            raise InvalidField("home", f"no device in {self._path}: bind one first")
        return device

    def beside(self) -> tuple[Home, ...]:
        """
        Return the other folders of the same parent that have a device file, ordered by name.

        Raises:
            OSError: The parent cannot be read.
        """
        own = self._path.resolve()
        files = sorted(own.parent.glob(f"*/{DEVICE_FILE}")) if own.parent.is_dir() else []
        return tuple(Home(file.parent) for file in files if file.parent != own)

    def rotated(self) -> SoftwareDevice | None:
        """
        Return the device with new keys that the service may have accepted; None if there are none.

        Raises:
            InvalidField: The file was not written by this software.
            OSError: The folder cannot be read.
        """
        return self._load(ROTATED_FILE)

    def keep_rotated(self, device: SoftwareDevice) -> None:
        """
        Store the device with its new keys before these are sent.

        Raises:
            OSError: The folder cannot be written.
        """
        self._write(ROTATED_FILE, device_document(device))

    def drop_rotated(self) -> None:
        """
        Delete new keys: the service has refused them, or they are the device's by now.

        Raises:
            OSError: The folder cannot be written.
        """
        (self._path / ROTATED_FILE).unlink(missing_ok=True)

    def addresses(self) -> tuple[PushAddress, ...]:
        """
        Return the push addresses that the device has registered last.

        Raises:
            InvalidField: The file was not written by this software.
            OSError: The folder cannot be read.
        """
        try:
            content = (self._path / ADDRESSES_FILE).read_bytes()
            listed = read_json(content, field=ADDRESSES_FILE)["addresses"]
            return tuple(
                PushAddress(kind=AddressKind(each["kind"]), value=each["value"]) for each in listed
            )
        except FileNotFoundError:
            return ()
        except (KeyError, TypeError, ValueError):
            raise InvalidField("home", "not written by this software") from None

    def keep_addresses(self, addresses: tuple[PushAddress, ...]) -> None:
        """
        Store the push addresses that the service has accepted.

        Raises:
            OSError: The folder cannot be written.
        """
        listed = [{"kind": each.kind.value, "value": each.value} for each in addresses]
        self._write(ADDRESSES_FILE, {"addresses": listed})

    def keep(self, device: SoftwareDevice) -> None:
        """
        Store *device*; the old file is replaced completely or not at all.

        Raises:
            OSError: The folder cannot be written.
        """
        self._write(DEVICE_FILE, device_document(device))

    def clear(self) -> None:
        """
        Delete the device with its keys, and all else in the folder that belongs to it.

        Raises:
            OSError: The folder cannot be written.
        """
        # The keys first: what an interruption leaves behind can sign nothing.
        for name in (DEVICE_FILE, ROTATED_FILE, SERVICE_FILE, ADDRESSES_FILE):
            (self._path / name).unlink(missing_ok=True)
        for folder in (SENT_FOLDER, SHOWN_FOLDER):
            if (self._path / folder).exists():
                shutil.rmtree(self._path / folder)

    def service(self) -> str:
        """
        Return the URL of the service.

        Raises:
            InvalidField: There is none.
            OSError: The folder cannot be read.
        """
        try:
            document = read_json((self._path / SERVICE_FILE).read_bytes(), field=SERVICE_FILE)
            url = document["url"]
        except FileNotFoundError:
            raise InvalidField("home", f"no service in {self._path}: bind first") from None
        except (KeyError, TypeError):
            raise InvalidField("home", "not written by this software") from None
        return str(url)

    def keep_service(self, url: str) -> None:
        """
        Store the URL of the service.

        Raises:
            OSError: The folder cannot be written.
        """
        self._write(SERVICE_FILE, {"url": url})

    def _load(self, name: str) -> SoftwareDevice | None:
        try:
            content = (self._path / name).read_bytes()
        except FileNotFoundError:
            return None
        document = read_json(content, field="device file")
        return read_device(document, clock=self._clock, entropy=self._entropy)

    def _write(self, name: str, document: dict[str, Any]) -> None:
        file = private_files.make_folder(self._path) / name
        private_files.write(file, json.dumps(document).encode())


def lookalikes_beside(home: Home, identity: AppSpaceIdentity) -> tuple[Lookalike, ...]:
    """
    Return what *identity* looks like, among the App Spaces of devices in folders beside *home*.

    Raises:
        OSError: The folders cannot be listed.
    """
    return find_lookalikes(identity, filter(None, map(_identity_of, home.beside())))


def _identity_of(home: Home) -> AppSpaceIdentity | None:
    """Return the App Space of a bound device; None if the folder is of other software."""
    try:
        bond = home.device().bond
        return None if bond is None else AppSpaceIdentity.of(home.service(), bond)
    except (InvalidField, OSError):
        return None
