"""
A real provider on this machine, for tests and for trying out: npm's oidc-provider.

It is certified, it enforces PKCE, and it knows its users without asking for a password that
counts: whoever reaches its loopback port may log in as anybody. It is for no other use.

- `trial.npm`: where it lies, and how it gets there
- `trial.provider`: one of it in a process of its own, its users' browser, and how it is steered
"""

from __future__ import annotations

from counterseal_oidc.trial.npm import NodeMissing, RegistryUnreachable, TrialBroken, folder, ready
from counterseal_oidc.trial.provider import TrialProvider

__all__ = ["NodeMissing", "RegistryUnreachable", "TrialBroken", "TrialProvider", "folder", "ready"]
