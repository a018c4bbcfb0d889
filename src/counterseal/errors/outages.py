"""Unavailable: ports that failed."""

from __future__ import annotations

from counterseal.errors.families import Unavailable


class StoreUnavailable(Unavailable):
    """The store did not answer."""

    code = "store_unavailable"


class Indeterminate(Unavailable):
    """The store's reply was lost; the commit may or may not have happened."""

    code = "indeterminate"


class Contended(Unavailable):
    """The commit lost more races than the policy allows."""

    code = "contended"


class NotifierUnavailable(Unavailable):
    """The push service did not answer."""

    code = "notifier_unavailable"


class IdentityUnavailable(Unavailable):
    """The Identity Provider did not answer."""

    code = "identity_unavailable"


class SenderUnavailable(Unavailable):
    """The callback could not be attempted."""

    code = "sender_unavailable"


class SignerUnavailable(Unavailable):
    """The service's signing key is out of reach."""

    code = "signer_unavailable"


class SealBroken(Unavailable):
    """A sealed secret cannot be opened with the keys at hand."""

    code = "seal_broken"
