"""Challenges: one question to one account, answered at most once."""

from counterseal._stub import public_names

_, __getattr__, __dir__ = public_names(__name__, __file__)
