"""A relay: a Notifier that sends push messages to your own service, and that service's verifier."""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
