"""
Counterseal over HTTP, without a framework: from a `Request` to a `Response`.

Each face (Flask, WSGI, ASGI) makes the one and sends the other.
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
