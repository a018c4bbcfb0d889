"""
The wire formats: the exact bytes that devices, origins and the service exchange.

Each folder has the formats of its subject in its documents, and this package has what they share,
and what belongs to no subject. A module lists the members of its format, and
`docs/reference/wire.md` shows them with vectors.

```{admonition} Low-level package
:class: danger

A reader returns claims. Rules decide whether they are true.
```

Readers refuse what is missing, unknown, malformed or of another type: in the payload of a token by
MalformedToken, in an `Authorization` header or a message's signature by CredentialRefused, and in
any other document by InvalidField, which names the member.
"""
