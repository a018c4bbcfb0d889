"""The service account that sends, read from the key file of Firebase's console."""

from __future__ import annotations

import json
from typing import Any

import attrs
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

from counterseal.errors import InvalidField

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
"""It allows to send messages, and nothing else."""

FILE_LIMIT = 65_536
"""Octets; such a file has some 2,400."""


@attrs.frozen(kw_only=True)
class ServiceAccount:
    """
    The account that sends, and its Firebase project.

    Attributes:
        project: The id of the project.
        credentials: Credentials of google-auth with the scope `firebase.messaging`.
    """

    project: str
    credentials: Credentials = attrs.field(repr=False)


def read_service_account(data: bytes) -> ServiceAccount:
    """
    Read a service account's key file, as JSON.

    Raises:
        InvalidField: *data* is not such a file; the error does not contain *data*.
    """
    try:
        members: Any = json.loads(data) if len(data) <= FILE_LIMIT else None
    except ValueError:
        members = None
    if not isinstance(members, dict) or members.get("type") != "service_account":
        raise InvalidField("credentials", "not the key file of a service account")
    project = members.get("project_id")
    if not isinstance(project, str) or not project:
        raise InvalidField("credentials", "names no project")
    new_credentials: Any = service_account.Credentials.from_service_account_info
    try:
        credentials = new_credentials(members, scopes=[SCOPE])
    except (GoogleAuthError, ValueError, TypeError):
        raise InvalidField("credentials", "a key file that google-auth cannot use") from None
    return ServiceAccount(project=project, credentials=credentials)
