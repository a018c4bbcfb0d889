"""Outbound HTTP with a guard against SSRF: a client for other adapters, and the CallbackSender."""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
