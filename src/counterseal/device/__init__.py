"""
The reference software device: makes keys, completes a binding, fetches, shows and answers.

It speaks bytes, not HTTP, and stores nothing: `device_document` says what has to be stored.
It is honest about what software can protect: see `counterseal.device.pin`.
"""

from __future__ import annotations

from counterseal.bindings.documents.device import Bond
from counterseal.device.confirming import (
    comparison_code_of,
    own_comparison_code,
    sign_confirmation,
)
from counterseal.device.document import device_document, read_device
from counterseal.device.html import HtmlText, read_html
from counterseal.device.lookalikes import AppSpaceIdentity, Lookalike, find_lookalikes
from counterseal.device.pin import WrappedKey
from counterseal.device.ports import (
    KeyStore,
    PinVerification,
    Purpose,
    Rotation,
    SoftwareKeys,
    Unlocking,
    UserVerification,
)
from counterseal.device.software import SoftwareDevice

__all__ = [
    "AppSpaceIdentity",
    "Bond",
    "HtmlText",
    "KeyStore",
    "Lookalike",
    "PinVerification",
    "Purpose",
    "Rotation",
    "SoftwareDevice",
    "SoftwareKeys",
    "Unlocking",
    "UserVerification",
    "WrappedKey",
    "comparison_code_of",
    "device_document",
    "find_lookalikes",
    "own_comparison_code",
    "read_device",
    "read_html",
    "sign_confirmation",
]
