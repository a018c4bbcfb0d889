"""
Base addresses: what a client writes before a path, and so what signatures and proofs begin with.

`https://auth.example.com`, with a port and a path where there is one, and no slash at its end.
Nothing that two readers could take for two things, and nothing that cannot be sent as it is.
"""

from __future__ import annotations

import re

PORTS = range(1, 2**16)

_BASE = re.compile(
    r"https?://"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*"
)


def is_base(text: str) -> bool:
    """Tell whether *text* is a base address."""
    match = _BASE.fullmatch(text)
    return match is not None and int(match["port"] or PORTS[0]) in PORTS
