"""The outbox: callbacks and push notifications, which workers send and try again."""

from counterseal._stub import public_names

_, __getattr__, __dir__ = public_names(__name__, __file__)
