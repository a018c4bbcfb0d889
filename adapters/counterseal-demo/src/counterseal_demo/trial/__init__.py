"""
A real provider on this machine, for tests and demos: npm's oidc-provider.

It is certified and enforces PKCE, but it accepts any password: everybody who can reach its
loopback port can log in as any of its users. Use it for nothing else.

- `trial.npm`: its installation
- `trial.provider`: its process, how to control it, and the browser of its users
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
