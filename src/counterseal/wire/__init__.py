"""
The wire formats: the exact bytes that devices, origins and the service exchange.

One module per format; each lists its members, and `docs/reference/wire.md` shows them with vectors.

```{admonition} Low-level package
:class: danger

A reader returns claims. `counterseal.rules` decides whether they are true.
```

Readers refuse what is missing, unknown, malformed or of another type: in the payload of a token by
MalformedToken, in an `Authorization` header or a message's signature by CredentialRefused, and in
any other document by InvalidField, which names the member.
"""
