"""Device calls: one request of a device, with the proof that came with it."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class DeviceCall:
    """
    One call of a device: the request as it came in, and the proof that came with it.

    Attributes:
        method: Upper case.
        uri: The full public address, as configured; never taken from a Host header.
        proof: The device proof, a compact JWS.
    """

    method: str
    uri: str
    body: bytes = attrs.field(default=b"", repr=False)
    proof: str = attrs.field(repr=False)
