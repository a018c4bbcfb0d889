"""Trust: the service keys that an origin has pinned."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from counterseal import Receipt, Refused, read_json, trusted_keys, verify_receipt
from counterseal.models import PublicKey
from counterseal_client.errors import EvidenceRefused, Unfit

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


@attrs.frozen(kw_only=True)
class Trust:
    """
    The service keys whose receipts are proof.

    Take them from a source that you trust, such as a file from the operator, and never from a reply
    that they are to prove.

    Attributes:
        keys: The service's keys.
        thumbprint: The RFC 7638 thumbprint of the service's key, in place of *keys*.
    """

    keys: tuple[PublicKey, ...] = ()
    thumbprint: str | None = None

    def __attrs_post_init__(self) -> None:
        if not self.keys and self.thumbprint is None:
            raise Unfit("no service key is trusted: every receipt would be unproven")
        if self.thumbprint is not None and not _THUMBPRINT.fullmatch(self.thumbprint):
            raise Unfit("not a thumbprint: 43 characters of base64url")

    @classmethod
    def jwks(cls, document: object) -> Trust:
        """
        Trust the keys of a JWK Set: its parsed JSON, its text, or the path of its file.

        Raises:
            Unfit: *document* is not a JWK Set, has an unfit key, or cannot be read.
        """
        try:
            if isinstance(document, Path):
                document = document.read_bytes()
            if isinstance(document, str | bytes):
                document = read_json(document, field="jwks")
            return cls(keys=trusted_keys(document))
        except (Refused, OSError) as error:
            raise Unfit(f"no JWK Set: {type(error).__name__}") from error

    def verify(self, receipt: str) -> Receipt:
        """
        Verify a receipt that one of these keys signed.

        Raises:
            EvidenceRefused: *receipt* is not consistent, or another key signed it.
        """
        try:
            checked = verify_receipt(receipt, trusted=self.keys, thumbprint=self.thumbprint)
        except Refused as error:
            raise EvidenceRefused(f"receipt: {error.code}") from None
        if not checked.proven:
            raise EvidenceRefused("receipt: issuer unproven")
        return checked
