"""Administration: tenants and their secrets, as the command line tells of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from counterseal import Credentials, Directory, Policy, Ports
from counterseal.models import AppSpace, Company, Guid, Origin, Scheme
from counterseal.wire.cx1 import write_basic


class Administration:
    """
    What an operator does with tenants.

    Attributes:
        directory: Who they are.
        credentials: Their secrets.
    """

    def __init__(self, ports: Ports, policy: Policy) -> None:
        self.directory = Directory(ports, policy)
        self.credentials = Credentials(ports, policy)

    def tree(self) -> list[dict[str, Any]]:
        """
        Return companies with their App Spaces, and these with their origins.

        Raises:
            Unavailable: The store did not answer.
        """
        return [
            {"companyGuid": company.guid, "name": company.name, "appSpaces": self._spaces(company)}
            for company in self.directory.list(None, Company)
        ]

    def origin(self, app_space: Guid, name: str, scheme: str) -> dict[str, Any]:
        """
        Create an origin, and return what it needs.

        Raises:
            NotFound: There is no such App Space.
            InvalidField: The name does not fit.
            Unavailable: A port failed.
        """
        made = self.directory.create_origin(app_space, name)
        return self.secret(made.guid, scheme, timedelta(0)) | {
            "callbackSecret": self.credentials.issue_webhook_key(made.guid)
        }

    def secret(self, origin: Guid, scheme: str, overlap: timedelta) -> dict[str, Any]:
        """
        Make an origin's new secret, and return it with the header that shows it.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The overlap is longer than the policy allows.
            Unavailable: A port failed.
        """
        issued = self.credentials.issue(origin, Scheme(scheme), overlap=overlap)
        basic = issued.scheme is Scheme.BASIC
        return {
            "requestOriginGuid": origin,
            "key": issued.secret,
            "authorization": write_basic(issued.secret, guid=origin) if basic else None,
        }

    def _spaces(self, company: Company) -> list[dict[str, Any]]:
        return [
            {"appSpaceGuid": space.guid, "name": space.name, "origins": self._origins(space)}
            for space in self.directory.list(company.guid, AppSpace)
        ]

    def _origins(self, space: AppSpace) -> list[dict[str, Any]]:
        return [
            {
                "requestOriginGuid": origin.guid,
                "name": origin.name,
                "auth": [credential.scheme.value for credential in origin.credentials],
                "callbacks": list(origin.callbacks),
            }
            for origin in self.directory.list(space.guid, Origin)
        ]
