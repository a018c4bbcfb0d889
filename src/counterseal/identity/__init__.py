"""Identity: users log in by an Identity Provider, which later confirms or withdraws them."""

from counterseal._stub import public_names

_, __getattr__, __dir__ = public_names(__name__, __file__)
