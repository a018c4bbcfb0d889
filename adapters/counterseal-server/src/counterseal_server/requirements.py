"""
Requirements: what settings need before `serve` can work with them, whatever the store contains.

The record of settings checks each value by itself. Here are the checks that need a package, a file
that a setting names, or another setting.
"""

from __future__ import annotations

from collections.abc import Callable

from counterseal.memory import SystemClock, SystemEntropy
from counterseal_keys import MasterKeys
from counterseal_server.attestation import PasskeyVerifier
from counterseal_server.authorities import AddedAuthorities
from counterseal_server.channels import channels
from counterseal_server.faces import require_faces
from counterseal_server.records import require_address
from counterseal_server.settings import Settings
from counterseal_server.tracing import require_opentelemetry

Requirement = Callable[[Settings], object]

PARTS: tuple[Requirement, ...] = (
    require_faces,
    lambda settings: PasskeyVerifier(settings).open(),
    require_opentelemetry,
)
"""The requirements of each part of the service, besides the channels for push messages."""


def require_parts(settings: Settings) -> None:
    """
    Refuse settings with which a part of the service could not work.

    Raises:
        InvalidField: A setting needs a package that is not installed, a file that is missing or
            invalid, or another setting.
    """
    for require in PARTS:
        require(settings)


def require_servable(settings: Settings) -> None:
    """
    Refuse settings that `serve` refuses; neither key files nor records are read.

    The VAPID key is read, since its setting is refused without it.

    Raises:
        InvalidField: As `require_parts`; or `ca_file` or a setting of a channel is invalid.
        CountersealError: As `require_address`, for *settings.store*.
        UnfitMasterKey: The environment's master key is not 32 bytes in base64.
    """
    clock, entropy = SystemClock(), SystemEntropy()
    MasterKeys(settings.master_key, settings.master_key_file)
    if settings.store is not None:
        require_address(settings.store)
    authorities = AddedAuthorities(settings.ca_file, clock)
    authorities.read()
    opened_channels = channels(settings, clock, entropy, tls=authorities.load)
    try:
        opened_channels.open()
    finally:
        opened_channels.close()
    require_parts(settings)
