"""
Keys: load, verify, sign, hash and encrypt; only this package imports `cryptography` and JOSE.

```{admonition} Low-level package
:class: danger

These functions check signatures, not what an answer means: that is in `counterseal.rules`.
Call the use cases unless you are writing one.
```

Rules of this package:

- A key's algorithm is the key's own and never the message's (RFC 8725, 3.1).
- Verifying raises or returns what was verified, never a boolean.
- Keys are checked when they are bound (`counterseal.keys.public`),
  so a key from the store is not checked again.
- A compact JWS has exactly one accepted spelling (`counterseal.keys.jws`).
"""

from __future__ import annotations

from counterseal.keys.jws import (
    Header,
    Jws,
    SigningKey,
    digest_signed,
    read,
    sign,
    sign_bytes,
    sign_with,
    verify,
    verify_by_device,
)
from counterseal.keys.passkeys import (
    CREDENTIAL_ID_LIMIT,
    Assertion,
    AssertionParts,
    challenge_of,
    read_assertion,
    verify_assertion,
    write_assertion,
)
from counterseal.keys.private import PrivateKey, generate, private_key
from counterseal.keys.public import jwks_document, public_key, thumbprint_of, trusted_keys
from counterseal.keys.secret import (
    Aead,
    b64url,
    basic_digest,
    constant_time_equal,
    digest,
    mac,
    require_equal,
    token_hash,
    unb64url,
    universal_hash,
)

__all__ = [
    "CREDENTIAL_ID_LIMIT",
    "Aead",
    "Assertion",
    "AssertionParts",
    "Header",
    "Jws",
    "PrivateKey",
    "SigningKey",
    "b64url",
    "basic_digest",
    "challenge_of",
    "constant_time_equal",
    "digest",
    "digest_signed",
    "generate",
    "jwks_document",
    "mac",
    "private_key",
    "public_key",
    "read",
    "read_assertion",
    "require_equal",
    "sign",
    "sign_bytes",
    "sign_with",
    "thumbprint_of",
    "token_hash",
    "trusted_keys",
    "unb64url",
    "universal_hash",
    "verify",
    "verify_assertion",
    "verify_by_device",
    "write_assertion",
]
