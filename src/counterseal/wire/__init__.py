"""
The exact bytes that both sides agree on.

One module a format; each states its members, and `docs/reference/wire.md` shows them with vectors.

```{admonition} Low-level room
:class: danger

Reading a format says what was claimed.
Whether it is true is decided in `counterseal.rules`.
```
"""
