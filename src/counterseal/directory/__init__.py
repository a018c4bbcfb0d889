"""
Use cases of tenancy: who the relying parties are, and how they show it.

- `Administration`: companies, App Spaces, origins, administrators and callback allow-lists.
- `Credentials`: making, rotating and revoking secrets.
- `Authentication`: telling who a request comes from.
"""

from __future__ import annotations

from counterseal.directory.authentication import Authentication, SignedRequest
from counterseal.directory.credentials import Credentials
from counterseal.directory.secrets import IssuedSecret
from counterseal.directory.tenancy import Administration

__all__ = ["Administration", "Authentication", "Credentials", "IssuedSecret", "SignedRequest"]
