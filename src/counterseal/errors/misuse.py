"""Misuse: what the embedding program has to mend."""

from __future__ import annotations

from counterseal.errors.families import Misuse


class OperationReused(Misuse):
    """One operation id was used for two different commits."""

    code = "operation_reused"


class PartitionCrossed(Misuse):
    """One commit may change the records of one partition only."""

    code = "partition_crossed"


class WrongRecord(Misuse):
    """A record cannot be committed as it is: wrong version, kind or pairing."""

    code = "wrong_record"


class NotBound(Misuse):
    """The software device has to finish a bind first."""

    code = "not_bound"


class PolicyUnsound(Misuse):
    """The policy allows what no policy may allow."""

    code = "policy_unsound"
