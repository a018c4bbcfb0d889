"""
Keys: load, verify, sign, hash and encrypt; only this package imports `cryptography` and JOSE.

```{admonition} Low-level package
:class: danger

These functions check signatures, not what an answer means: that is in rules.
Call the use cases unless you are writing one.
```

Rules of this package:

- A key's algorithm is the key's own and never the message's (RFC 8725, 3.1).
- Verifying raises or returns what was verified, never a boolean.
- Keys are checked when they are bound (`counterseal.keys.public`),
  so a key from the store is not checked again.
- A compact JWS has exactly one accepted spelling (`counterseal.keys.jws`).
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
