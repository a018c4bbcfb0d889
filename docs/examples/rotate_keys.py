"""Rotate each kind of key without a gap."""

from datetime import timedelta

import counterseal as cs
from counterseal.bindings.documents.enrolment import KEYSET_TYP, keyset_claims
from counterseal.credentials.documents import write_basic
from counterseal.device import SoftwareDevice
from counterseal.keys import sign_with
from counterseal.memory import memory_ports
from counterseal.models import Scheme

ports, policy = memory_ports(), cs.STANDARD
admin = cs.Administration(ports, policy, by=cs.OPERATOR)
space = admin.create_app_space(admin.create_company("Example").guid, "Bank")
origin = admin.create_origin(space.guid, "Web shop")
shop = admin.relying_party(origin.guid)
invited = cs.Invitations(ports, policy).invite(shop, "user-42")
phone = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin="1379")
enrolment = phone.enrolment(invited.token, space.guid, pin="1379")
phone.complete_binding(cs.Enrolments(ports, policy).complete(enrolment))

# A device's keys

rotation = phone.rotation(pin="1379", new_pin="2468")
call = phone.signed_call("POST", "https://auth.example.com/device/rotate", rotation.body)
binding = cs.Devices(ports, policy).rotate(call).binding
phone.complete_rotation(rotation)  # only now: the service may refuse them
print("device:", len(binding.key_changes), "lines of key history")

# The service's keys

(old,) = ports.signer.jwks()
ports.signer.rotate()  # the new key signs from now on, the old one stays valid
endorsed = sign_with(
    lambda data: ports.signer.sign(old.kid, data),
    old,
    typ=KEYSET_TYP,
    claims=keyset_claims(ports.signer.jwks(), ports.clock.now()),
)
phone.adopt(endorsed)  # a pinned key signed it, so the device takes it
print("service:", len(phone.bond.service_keys), "keys pinned")

# An origin's secret

credentials = cs.Credentials(ports, policy, by=cs.OPERATOR)
before = credentials.issue(origin.guid, Scheme.BASIC)
after = credentials.issue(origin.guid, Scheme.BASIC, overlap=timedelta(hours=1))
for issued in (before, after):
    header = write_basic(issued.secret, guid=origin.guid)
    request = cs.SignedRequest(method="GET", uri="https://auth.example.com/x", authorization=header)
    party = cs.Authentication(ports, policy).authenticate(request)
    print("origin:", party.origin.name, "is let in")

# The key that signs an origin's callbacks

first = credentials.issue_webhook_key(origin.guid)
second = credentials.issue_webhook_key(origin.guid, overlap=timedelta(days=1))
live = admin.relying_party(origin.guid).origin.webhook_keys
print("callbacks:", len(live), "signatures on each")
