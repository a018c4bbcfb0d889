"""The public names: whoever takes one away, or adds one, says so here."""

import importlib
import importlib.resources
import pkgutil

import pytest

import counterseal
import counterseal.device
import counterseal.memory
import counterseal.ports
from counterseal.errors import Conflict, CountersealError, Misuse, Refused, Unavailable

PUBLIC = """
    ActionStatus ActionType ActionTypes Actions ConsumedAction STANDARD_ACTIONS UseReceipt
    verify_use_receipt
    AccountPage Accounts AdminLogins Administration Answers AuditChain AuditLog AuditRenewal
    AuditReport AuditVerification AuditVerifications RequeuedCallbacks
    AuthenticatedDevice AuthenticatedSession Authentication AuthenticationChannel Backchannel
    BackchannelClients BegunRequest Bound ChannelRealms CHARTS Callbacks Ceremonies Challenges
    Confirmations Conflict CountersealError Credentials
    Devices Enrolment Enrolments Events FoundEvents Gauges HeadMemory ProcessHeadMemory Invitation
    Invitations Issued IssuedMailedLink IssuedSecret IssuedSession KeySets
    LoginTest LoginTestResult LoginTests Logins
    Logos MailedLinks Misuse Notifications OPERATOR Operator PROFILES PasskeyStart Policy Ports
    Receipt Redirect Refused STANDARD STRICT Sessions SignedRequest Submission Tampering Telemetry
    Unavailable
    jwks_document
    markdown mermaid read_enrolment read_json read_question table trusted_keys verify_receipt
"""


def test_the_public_names():
    assert sorted(counterseal.__all__) == sorted(PUBLIC.split())


@pytest.mark.parametrize(
    "module", [counterseal, counterseal.device, counterseal.memory, counterseal.ports]
)
def test_every_public_name_is_there_and_listed_once(module):
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_every_public_name_says_what_it_is():
    for name in counterseal.__all__:
        thing = getattr(counterseal, name)
        if callable(thing):
            assert thing.__doc__, name


def test_the_families_of_errors_are_public_and_the_kinds_are_beside():
    assert all(issubclass(family, CountersealError) for family in (Refused, Misuse, Unavailable))
    assert issubclass(Conflict, CountersealError)
    assert not issubclass(Conflict, (Refused, Misuse, Unavailable))


def test_every_module_can_be_imported_and_has_a_docstring():
    for module_info in pkgutil.walk_packages(counterseal.__path__, "counterseal."):
        assert importlib.import_module(module_info.name).__doc__, module_info.name


def test_the_package_says_that_it_is_typed():
    marker = importlib.resources.files("counterseal") / "py.typed"
    assert marker.is_file()
