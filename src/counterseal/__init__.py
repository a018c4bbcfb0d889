"""
Counterseal asks a person about one concrete action and brings back a signed answer.

The public names; everything else may change without notice. Each loads its module when it is
first used, so that a device, which imports `counterseal.device` alone, loads no service.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from counterseal._decisions.actions import ActionStatus, ConsumedAction
    from counterseal._decisions.authentication import SignedRequest
    from counterseal._decisions.credentials import IssuedSecret
    from counterseal._decisions.device_requests import AuthenticatedDevice
    from counterseal._decisions.invitations import Invitation
    from counterseal._decisions.issuing import Issued, Submission
    from counterseal._decisions.login_tests import LoginTest, LoginTestResult
    from counterseal._decisions.logins import Redirect
    from counterseal._decisions.sessions import AuthenticatedSession, IssuedSession
    from counterseal.actions import STANDARD_ACTIONS, ActionType, ActionTypes
    from counterseal.errors import Conflict, CountersealError, Misuse, Refused, Unavailable
    from counterseal.ijson import parse as read_json
    from counterseal.keys import jwks_document, trusted_keys
    from counterseal.machines import CHARTS, markdown, mermaid, table
    from counterseal.models import OPERATOR, Operator
    from counterseal.policy import PROFILES, STANDARD, STRICT, Policy
    from counterseal.ports import Ports
    from counterseal.rules.audit_chain import Tampering
    from counterseal.usecases.accounts import Accounts
    from counterseal.usecases.actions import Actions
    from counterseal.usecases.admin_logins import AdminLogins, PasskeyStart
    from counterseal.usecases.administration import Administration
    from counterseal.usecases.answers import Answers
    from counterseal.usecases.audit_chain import AuditChain, AuditReport
    from counterseal.usecases.audit_log import AuditLog, FoundEvents
    from counterseal.usecases.authentication import Authentication
    from counterseal.usecases.backchannel import Backchannel, BackchannelClients, BegunRequest
    from counterseal.usecases.callbacks import Callbacks
    from counterseal.usecases.ceremonies import Ceremonies
    from counterseal.usecases.challenges import Challenges
    from counterseal.usecases.channel import AuthenticationChannel, ChannelRealms
    from counterseal.usecases.confirmations import Confirmations
    from counterseal.usecases.credentials import Credentials
    from counterseal.usecases.devices import Devices, KeySets, Telemetry
    from counterseal.usecases.enrolments import Enrolments, Logos
    from counterseal.usecases.events import Events
    from counterseal.usecases.gauges import Gauges
    from counterseal.usecases.head_memory import HeadMemory, ProcessHeadMemory
    from counterseal.usecases.head_renewal import AuditRenewal
    from counterseal.usecases.invitations import Invitations
    from counterseal.usecases.login_tests import LoginTests
    from counterseal.usecases.logins import Logins
    from counterseal.usecases.notifications import Notifications
    from counterseal.usecases.sessions import Sessions
    from counterseal.wire.enrolment import Bound, Enrolment, read_enrolment
    from counterseal.wire.question import read_question
    from counterseal.wire.receipt import Receipt, verify_receipt
    from counterseal.wire.use_receipt import UseReceipt, verify_use_receipt

__all__ = [
    "CHARTS",
    "OPERATOR",
    "PROFILES",
    "STANDARD",
    "STANDARD_ACTIONS",
    "STRICT",
    "AccountPage",
    "Accounts",
    "ActionStatus",
    "ActionType",
    "ActionTypes",
    "Actions",
    "AdminLogins",
    "Administration",
    "Answers",
    "AuditChain",
    "AuditLog",
    "AuditRenewal",
    "AuditReport",
    "AuthenticatedDevice",
    "AuthenticatedSession",
    "Authentication",
    "AuthenticationChannel",
    "Backchannel",
    "BackchannelClients",
    "BegunRequest",
    "Bound",
    "Callbacks",
    "Ceremonies",
    "Challenges",
    "ChannelRealms",
    "Confirmations",
    "Conflict",
    "ConsumedAction",
    "CountersealError",
    "Credentials",
    "Devices",
    "Enrolment",
    "Enrolments",
    "Events",
    "FoundEvents",
    "Gauges",
    "HeadMemory",
    "Invitation",
    "Invitations",
    "Issued",
    "IssuedSecret",
    "IssuedSession",
    "KeySets",
    "LoginTest",
    "LoginTestResult",
    "LoginTests",
    "Logins",
    "Logos",
    "Misuse",
    "Notifications",
    "Operator",
    "PasskeyStart",
    "Policy",
    "Ports",
    "ProcessHeadMemory",
    "Receipt",
    "Redirect",
    "Refused",
    "Sessions",
    "SignedRequest",
    "Submission",
    "Tampering",
    "Telemetry",
    "Unavailable",
    "UseReceipt",
    "jwks_document",
    "markdown",
    "mermaid",
    "read_enrolment",
    "read_json",
    "read_question",
    "table",
    "trusted_keys",
    "verify_receipt",
    "verify_use_receipt",
]

_NAMES = {
    "_decisions.accounts": "AccountPage",
    "_decisions.actions": "ActionStatus ConsumedAction",
    "_decisions.authentication": "SignedRequest",
    "_decisions.credentials": "IssuedSecret",
    "_decisions.device_requests": "AuthenticatedDevice",
    "_decisions.invitations": "Invitation",
    "_decisions.issuing": "Issued Submission",
    "_decisions.login_tests": "LoginTest LoginTestResult",
    "_decisions.logins": "Redirect",
    "_decisions.sessions": "AuthenticatedSession IssuedSession",
    "actions": "STANDARD_ACTIONS ActionType ActionTypes",
    "errors": "Conflict CountersealError Misuse Refused Unavailable",
    "ijson": "parse",
    "keys": "jwks_document trusted_keys",
    "machines": "CHARTS markdown mermaid table",
    "models": "OPERATOR Operator",
    "policy": "PROFILES STANDARD STRICT Policy",
    "ports": "Ports",
    "rules.audit_chain": "Tampering",
    "usecases.accounts": "Accounts",
    "usecases.actions": "Actions",
    "usecases.admin_logins": "AdminLogins PasskeyStart",
    "usecases.administration": "Administration",
    "usecases.answers": "Answers",
    "usecases.audit_chain": "AuditChain AuditReport",
    "usecases.audit_log": "AuditLog FoundEvents",
    "usecases.authentication": "Authentication",
    "usecases.backchannel": "Backchannel BackchannelClients BegunRequest",
    "usecases.callbacks": "Callbacks",
    "usecases.ceremonies": "Ceremonies",
    "usecases.challenges": "Challenges",
    "usecases.channel": "AuthenticationChannel ChannelRealms",
    "usecases.confirmations": "Confirmations",
    "usecases.credentials": "Credentials",
    "usecases.devices": "Devices KeySets Telemetry",
    "usecases.enrolments": "Enrolments Logos",
    "usecases.events": "Events",
    "usecases.gauges": "Gauges",
    "usecases.head_renewal": "AuditRenewal",
    "usecases.head_memory": "HeadMemory ProcessHeadMemory",
    "usecases.invitations": "Invitations",
    "usecases.login_tests": "LoginTests",
    "usecases.logins": "Logins",
    "usecases.notifications": "Notifications",
    "usecases.sessions": "Sessions",
    "wire.enrolment": "Bound Enrolment read_enrolment",
    "wire.question": "read_question",
    "wire.receipt": "Receipt verify_receipt",
    "wire.use_receipt": "UseReceipt verify_use_receipt",
}
"""What each module has of the public names: the imports above, for the interpreter."""

_SOURCES = {name: (module, name) for module, names in _NAMES.items() for name in names.split()}
_SOURCES["read_json"] = _SOURCES.pop("parse")

if not TYPE_CHECKING:  # A type checker would believe that any name is there.

    def __getattr__(name: str) -> object:
        """Return a public name (PEP 562)."""
        if name not in _SOURCES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        module, attribute = _SOURCES[name]
        value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), attribute)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
