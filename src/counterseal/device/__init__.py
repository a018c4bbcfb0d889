"""
The reference software device: makes keys, finishes a bind, fetches, shows and answers.

It speaks bytes, not HTTP: what it makes goes over any transport.
It is honest about what software can keep: see `counterseal.device.wrapping`.
"""

from __future__ import annotations

from counterseal.device.file import load, save
from counterseal.device.software import SoftwareDevice
from counterseal.device.wrapping import WrappedKey

__all__ = ["SoftwareDevice", "WrappedKey", "load", "save"]
