"""Key sets: how a bound device learns of new service keys, from a key that it has pinned."""

from __future__ import annotations

from functools import partial

import attrs

from counterseal import keys
from counterseal.bindings.callers import Caller
from counterseal.decisions import Act, Decision, settle
from counterseal.models import DeviceCall
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.wire.keyset import KEYSET_TYP, keyset_claims


@attrs.frozen
class KeySets:
    """The service's keys, endorsed for devices."""

    ports: Ports
    policy: Policy

    def endorsed(self, call: DeviceCall) -> dict[str, str]:
        """
        Return the service's key set signed by each of its keys, by the signing key's id.

        The device takes the one that a key it has pinned has signed.

        Raises:
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        caller = Caller(self.ports, self.policy, call, "device.keys")
        act = Act(event="device.keys", actor=caller.device, subject=caller.device)

        def decide() -> Decision[dict[str, str]]:
            now = caller.prove().proving.now
            service_keys = self.ports.signer.jwks()
            claims = keyset_claims(service_keys, now)
            return Decision(
                result={
                    key.kid: keys.sign_with(
                        partial(self.ports.signer.sign, key.kid),
                        key,
                        typ=KEYSET_TYP,
                        claims=claims,
                    )
                    for key in service_keys
                }
            )

        return settle(self.ports, self.policy, act, decide)
