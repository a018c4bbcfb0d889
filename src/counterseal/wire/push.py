"""What a bell carries beside its two texts: ids, in the same words on every transport."""

from __future__ import annotations

from counterseal.models import Bell, News

TYPES = {
    News.CHALLENGE: "request",
    News.DEVICE_BOUND: "deviceBound",
    News.DEVICE_REVOKED: "deviceRevoked",
    News.TEST: "test",
}
"""The `type` of each news."""


def push_data(bell: Bell) -> dict[str, str]:
    """
    Return the `data` of a push: `type`, the subject's GUID and the account's.

    The subject is `requestGuid` or `deviceGuid`, the account `privakeyId`; all are texts,
    as FCM demands.
    """
    subject = "requestGuid" if bell.news is News.CHALLENGE else "deviceGuid"
    return {"type": TYPES[bell.news], subject: bell.subject, "privakeyId": bell.account}
