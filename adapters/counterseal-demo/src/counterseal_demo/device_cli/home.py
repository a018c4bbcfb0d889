"""The folder of a software device, with its keys and the URL of its service."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from counterseal import read_json
from counterseal.device import SoftwareDevice, device_document, read_device
from counterseal.errors import InvalidField
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import Algorithm
from counterseal_demo.device_cli.displays import DisplayStore
from counterseal_demo.device_cli.unconfirmed import UnconfirmedReplies
from counterseal_keys import private_files

DEVICE_FILE = "device.json"
SERVICE_FILE = "service.json"
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
        try:
            content = (self._path / DEVICE_FILE).read_bytes()
        except FileNotFoundError:
            raise InvalidField("home", f"no device in {self._path}: bind one first") from None
        document = read_json(content, field="device file")
        return read_device(document, clock=self._clock, entropy=self._entropy)

    def keep(self, device: SoftwareDevice) -> None:
        """
        Store *device*; the old file is replaced completely or not at all.

        Raises:
            OSError: The folder cannot be written.
        """
        file = private_files.make_folder(self._path) / DEVICE_FILE
        private_files.write(file, json.dumps(device_document(device)).encode())

    def clear(self) -> None:
        """
        Delete the device with its keys, and all else in the folder that belongs to it.

        Raises:
            OSError: The folder cannot be written.
        """
        # The keys first: what an interruption leaves behind can sign nothing.
        for name in (DEVICE_FILE, SERVICE_FILE):
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
        file = private_files.make_folder(self._path) / SERVICE_FILE
        private_files.write(file, json.dumps({"url": url}).encode())
