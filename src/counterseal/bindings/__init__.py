"""Bindings: devices and their keys, from the invitation to the end."""

from counterseal._stub import public_names

_, __getattr__, __dir__ = public_names(__name__, __file__)
