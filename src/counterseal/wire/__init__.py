"""
The wire formats: the exact bytes that devices, origins and the service exchange.

One module a format; each lists its members, and `docs/reference/wire.md` shows them with vectors.

```{admonition} Low-level package
:class: danger

A reader returns claims. `counterseal.rules` decides whether they are true.
```
"""
