"""
A real provider on this machine, for tests and demos: npm's oidc-provider.

It is certified and enforces PKCE, but it accepts any password: everybody who can reach its
loopback port can log in as any of its users. Use it for nothing else.

- `trial.npm`: its installation
- `trial.provider`: its process, how to control it, and the browser of its users
"""

from __future__ import annotations

from counterseal_demo.trial.npm import (
    NodeMissing,
    RegistryUnreachable,
    TrialBroken,
    is_installed,
    provider_folder,
)
from counterseal_demo.trial.provider import TrialProvider

__all__ = [
    "NodeMissing",
    "RegistryUnreachable",
    "TrialBroken",
    "TrialProvider",
    "is_installed",
    "provider_folder",
]
