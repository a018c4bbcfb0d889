"""
The records: frozen, and validated when they are made; `revise` and `replace` return changed copies.

Every stored record has what `Record` says; `counterseal.kinds` lists the kinds of them.
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
