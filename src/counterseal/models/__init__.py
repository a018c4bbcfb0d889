"""
The records: frozen, and validated when they are made; `revise` and `replace` return changed copies.

Every stored record has a `guid`, a `version`, and three members for the store:
`parent` (what `list` finds it under), `due_at` (when a worker has to process it)
and `keep_until` (when the store may delete it; None means never).
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
