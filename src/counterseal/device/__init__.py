"""
The reference software device: makes keys, completes a binding, fetches, shows and answers.

It speaks bytes, not HTTP, and stores nothing: `device_document` says what has to be stored.
It is honest about what software can protect: see `counterseal.device.pin`.
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
