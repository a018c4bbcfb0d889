"""
Counterseal asks a person about one concrete action and brings back a signed answer.

The public names; everything else may change without notice.
"""

from __future__ import annotations

from counterseal._decisions.authentication import SignedRequest
from counterseal._decisions.credentials import IssuedSecret
from counterseal._decisions.device_requests import AuthenticatedDevice
from counterseal._decisions.invitations import Invitation
from counterseal._decisions.issuing import Issued
from counterseal._decisions.logins import Redirect
from counterseal.errors import Conflict, CountersealError, Misuse, Refused, Unavailable
from counterseal.ijson import parse as read_json
from counterseal.keys import jwks_document, trusted_keys
from counterseal.machines import CHARTS, markdown, mermaid, table
from counterseal.models import OPERATOR, Operator
from counterseal.policy import PROFILES, STANDARD, STRICT, Policy
from counterseal.ports import Ports
from counterseal.usecases.accounts import Accounts
from counterseal.usecases.administration import Administration
from counterseal.usecases.answers import Answers
from counterseal.usecases.authentication import Authentication
from counterseal.usecases.callbacks import Callbacks
from counterseal.usecases.challenges import Challenges
from counterseal.usecases.credentials import Credentials
from counterseal.usecases.devices import Devices, KeySets, Telemetry
from counterseal.usecases.enrolments import Enrolments
from counterseal.usecases.invitations import Invitations
from counterseal.usecases.logins import Logins
from counterseal.usecases.notifications import Notifications
from counterseal.wire.enrolment import Bound, Enrolment, read_enrolment
from counterseal.wire.question import read_question
from counterseal.wire.receipt import Receipt, verify_receipt

__all__ = [
    "CHARTS",
    "OPERATOR",
    "PROFILES",
    "STANDARD",
    "STRICT",
    "Accounts",
    "Administration",
    "Answers",
    "AuthenticatedDevice",
    "Authentication",
    "Bound",
    "Callbacks",
    "Challenges",
    "Conflict",
    "CountersealError",
    "Credentials",
    "Devices",
    "Enrolment",
    "Enrolments",
    "Invitation",
    "Invitations",
    "Issued",
    "IssuedSecret",
    "KeySets",
    "Logins",
    "Misuse",
    "Notifications",
    "Operator",
    "Policy",
    "Ports",
    "Receipt",
    "Redirect",
    "Refused",
    "SignedRequest",
    "Telemetry",
    "Unavailable",
    "jwks_document",
    "markdown",
    "mermaid",
    "read_enrolment",
    "read_json",
    "read_question",
    "table",
    "trusted_keys",
    "verify_receipt",
]
