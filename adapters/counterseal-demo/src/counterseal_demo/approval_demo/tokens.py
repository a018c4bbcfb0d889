"""Changes to a compact JWS that a forger makes; no signature is verified here."""

from __future__ import annotations

import base64
import json
from typing import Any


def reworded(token: str, **claims: Any) -> str:
    """Return the token with other *claims*, and with its old header and signature."""
    header, payload, signature = token.split(".")
    return f"{header}.{_encode(_decode(payload) | claims)}.{signature}"


def unsigned(token: str) -> str:
    """Return the token as an unsecured one: algorithm `none`, no signature (RFC 7515, A.5)."""
    header, payload, _ = token.split(".")
    return f"{_encode(_decode(header) | {'alg': 'none'})}.{payload}."


def _decode(part: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return members


def _encode(members: dict[str, Any]) -> str:
    data = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
