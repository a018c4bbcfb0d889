"""
The policy: lifetimes, limits and allowed algorithms in one frozen record.

Every setting states its reason beside it; the reference page is made of these reasons.
No setting can be set past what its reason allows: an unsound policy cannot be made.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal._setting import DAY, HOUR, MINUTE, SECOND, Direction, setting
from counterseal.errors import InvalidField, PolicyUnsound
from counterseal.models import (
    Algorithm,
    Clients,
    NewDeviceRule,
    PasskeyUse,
    Reaction,
    RefusalReason,
)
from counterseal.models.clients import MOST_PENDING, MOST_QUESTIONS, AskingLimits
from counterseal.models.passkeys import scope_of

TEN_MINUTES = 10 * MINUTE
"""NIST SP 800-63B-4, 3.1.3; OWASP ASVS 5.0, 6.5.5: the longest out-of-band secret."""

CONSECUTIVE_FAILURES = 100
"""NIST SP 800-63B-4, 3.2.2: consecutive failures of an account are limited to this."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Policy:
    """
    What a service allows.

    Raises:
        PolicyUnsound: A setting is outside its span, or two settings contradict each other.
    """

    # Lifetimes
    challenge_life: timedelta = setting(
        2 * MINUTE,
        "How long a challenge may be answered if its origin does not say.",
        low=SECOND,
        high=TEN_MINUTES,
        direction=Direction.LEAST,
        by_origins=True,
    )
    challenge_life_limit: timedelta = setting(
        TEN_MINUTES,
        "The longest `duration` an origin may ask for; ten minutes at most"
        " (NIST SP 800-63B-4, 3.1.3).",
        low=SECOND,
        high=TEN_MINUTES,
        direction=Direction.LEAST,
        by_origins=True,
    )
    action_life: timedelta = setting(
        TEN_MINUTES,
        "How long a challenge for an action may be answered if its origin does not say.",
        low=SECOND,
        high=DAY,
        direction=Direction.LEAST,
        by_origins=True,
    )
    action_life_limit: timedelta = setting(
        TEN_MINUTES,
        "The longest `duration` of a challenge for an action; a day at most. Ten minutes is the"
        " limit of log-ins (NIST SP 800-63B-4, 3.1.3), which an approval of an action is not.",
        low=SECOND,
        high=DAY,
        direction=Direction.LEAST,
        by_origins=True,
    )
    action_validity: timedelta = setting(
        TEN_MINUTES,
        "How long after the challenge's deadline an approved action may be used, if its origin does"
        " not say until when.",
        high=DAY,
        direction=Direction.LEAST,
        by_origins=True,
    )
    action_validity_limit: timedelta = setting(
        DAY,
        "The most by which an origin may set that later than the challenge's deadline: what was"
        " approved long ago may no longer be what the person wants.",
        high=30 * DAY,
        direction=Direction.LEAST,
        by_origins=True,
    )
    arguments_required: bool = setting(
        default=True,
        reason="Whether an origin has to present the arguments to use an approved action; without"
        " them, nothing compares what is executed with what was approved.",
        direction=Direction.STRICTER,
        order=(False, True),
        by_origins=True,
    )
    session_token_life: timedelta = setting(
        5 * MINUTE,
        "How long an invitation may be used; ten minutes at most (NIST SP 800-63B-4, 4.1.2).",
        low=SECOND,
        high=TEN_MINUTES,
        direction=Direction.LEAST,
        by_origins=True,
    )
    renewal_window: timedelta = setting(
        DAY,
        "How long after it was made support staff may make an origin's invitation anew, for a user"
        " who lost the link or was too slow; whoever sees the new link can bind a device, so zero"
        " forbids it.",
        low=timedelta(0),
        high=7 * DAY,
        direction=Direction.SERVICE,
    )
    support_reads_content: bool = setting(
        False,  # noqa: FBT003 (a setting)
        "Whether User Support sees what a person is asked, and not only when and how it ended.",
        direction=Direction.SERVICE,
    )
    confirmation_life: timedelta = setting(
        HOUR,
        "How long a new device may wait to be confirmed, where it has to be.",
        low=MINUTE,
        high=7 * DAY,
        direction=Direction.LEAST,
    )
    login_life: timedelta = setting(
        5 * MINUTE,
        "How long a log-in at the Identity Provider may take.",
        low=SECOND,
        high=TEN_MINUTES,
        direction=Direction.LEAST,
    )
    ceremony_life: timedelta = setting(
        5 * MINUTE,
        "How long a browser may take to register a passkey, or to authenticate by one.",
        low=SECOND,
        high=TEN_MINUTES,
        direction=Direction.LEAST,
        by_origins=True,
    )
    proof_past: timedelta = setting(
        5 * MINUTE,
        "How old a device proof or a signed request may be (clock skew and delays).",
        high=TEN_MINUTES,
        direction=Direction.SERVICE,
    )
    proof_future: timedelta = setting(
        MINUTE,
        "How far ahead of ours a signer's clock may be.",
        high=TEN_MINUTES,
        direction=Direction.SERVICE,
    )
    revalidation_life: timedelta = setting(
        5 * MINUTE,
        "How long an Identity Provider's last word on a user is believed.",
        high=DAY,
        direction=Direction.LEAST,
    )
    revalidation_grace: timedelta = setting(
        timedelta(),
        "How much longer it is believed while the provider cannot be asked; nothing, unless it"
        " is set: then devices wait until it answers.",
        high=DAY,
        direction=Direction.LEAST,
    )
    provider_session_life: timedelta = setting(
        90 * DAY,
        "How long a user is found by the name of the session at the Identity Provider in which"
        " they logged in, when a logout names nothing else.",
        low=MINUTE,
        direction=Direction.SERVICE,
    )
    retention: timedelta = setting(
        30 * DAY,
        "How long a finished challenge or callback stays readable at least:"
        " longer than callbacks are retried, and than idempotency keys are remembered.",
        low=MINUTE,
        direction=Direction.SERVICE,
    )
    idempotency_life: timedelta = setting(
        24 * HOUR,
        "How long an idempotency key is remembered.",
        low=MINUTE,
        direction=Direction.SERVICE,
    )
    idempotency_lease: timedelta = setting(
        30 * SECOND,
        "After this, a call that never finished no longer blocks its idempotency key.",
        low=SECOND,
        high=TEN_MINUTES,
        direction=Direction.SERVICE,
    )
    portal_link_life: timedelta = setting(
        HOUR,
        "How long an administrator's one-time link may be used; a day at most (NIST SP 800-63B-4,"
        " 4.2.1: codes that are sent).",
        low=MINUTE,
        high=DAY,
        direction=Direction.SERVICE,
    )
    portal_session_idle: timedelta = setting(
        15 * MINUTE,
        "After this time without a request, an administrator is logged out of the portal"
        " (NIST SP 800-63B-4, 2.3.3: 15 minutes; OWASP ASVS 5.0, 7.3.1). What counts is the last"
        " minute that was written.",
        low=2 * MINUTE,
        high=HOUR,
        direction=Direction.SERVICE,
    )
    portal_session_life: timedelta = setting(
        8 * HOUR,
        "How long an administrator stays logged in to the portal at most (NIST SP 800-63B-4,"
        " 2.3.3: 12 hours; OWASP ASVS 5.0, 7.3.2).",
        low=MINUTE,
        high=DAY,
        direction=Direction.SERVICE,
    )
    step_up_life: timedelta = setting(
        5 * MINUTE,
        "How long after a log-in or a step-up dangerous acts in the portal need no further proof"
        " (OWASP ASVS 5.0, 7.5.3).",
        low=SECOND,
        high=HOUR,
        direction=Direction.SERVICE,
    )
    portal_browser_life: timedelta = setting(
        90 * DAY,
        "How long a browser in which an administrator has used a passkey may ask that"
        " administrator's own device; others can send it nothing.",
        high=365 * DAY,
        direction=Direction.SERVICE,
    )
    portal_sessions_limit: int = setting(
        10,
        "Browsers in which one administrator may be logged in; one more ends the oldest session"
        " (OWASP ASVS 5.0, 7.1.2).",
        high=100,
        direction=Direction.SERVICE,
    )
    credential_overlap_limit: timedelta = setting(
        7 * DAY,
        "How long an old credential may stay valid beside the new one.",
        high=90 * DAY,
        direction=Direction.SERVICE,
    )

    # Guessing
    strike_limit: int = setting(
        5,
        "Wrong strong-key signatures (a wrong PIN) in a row that revoke the device.",
        high=CONSECUTIVE_FAILURES,
        direction=Direction.LEAST,
    )
    code_limit: int = setting(
        3, "Wrong matching codes that end a challenge.", high=10, direction=Direction.LEAST
    )
    comparison_limit: int = setting(
        3,
        "Wrong comparison codes of an origin that end the binding of a new device.",
        high=10,
        direction=Direction.LEAST,
        by_origins=True,
    )
    code_limit_account: int = setting(
        10,
        "Wrong matching codes in a row, over all challenges, that lock the account"
        " (NIST SP 800-63B-4, 3.2.2: 100 at most).",
        high=CONSECUTIVE_FAILURES,
        direction=Direction.LEAST,
    )

    # Asking
    pending_limit: int = setting(
        5, "Open questions that one person may have.", high=MOST_PENDING, direction=Direction.LEAST
    )
    supersede: bool = setting(
        default=False,
        reason="Whether an origin's newer question replaces its oldest at the"
        " limit, or is refused.",
        direction=Direction.SERVICE,
    )
    ask_window: timedelta = setting(
        TEN_MINUTES,
        "The window in which questions are counted.",
        low=SECOND,
        high=DAY,
        direction=Direction.MOST,
    )
    ask_limit_origin: int = setting(
        10,
        "Questions in a window that one origin may put to one person.",
        high=MOST_QUESTIONS,
        direction=Direction.LEAST,
    )
    ask_limit: int = setting(
        20,
        "Questions in a window that all origins together may put to one person.",
        high=MOST_QUESTIONS,
        direction=Direction.LEAST,
    )
    ask_limit_unapproved: int = setting(
        50,
        "Questions since the last approval; past it only a matching code may be"
        " asked for (NIST SP 800-63B-4, 3.1.3.2: limit pushes since the last success).",
        high=CONSECUTIVE_FAILURES,
        direction=Direction.LEAST,
    )
    cooldown_after: int = setting(
        3,
        "Refusals in a row (or questions left unanswered) that begin a cool-down.",
        high=100,
        direction=Direction.LEAST,
    )
    cooldown: timedelta = setting(
        MINUTE,
        "The first cool-down; each further refusal doubles it.",
        high=DAY,
        direction=Direction.MOST,
    )
    cooldown_limit: timedelta = setting(
        30 * MINUTE,
        "The longest cool-down: nobody is shut out by being asked.",
        high=DAY,
        direction=Direction.MOST,
    )
    cx_pending_limit: int = setting(
        50,
        "Open questions that one person may have when an origin for CX clients asks: these take"
        " no question back.",
        high=MOST_PENDING,
        direction=Direction.LEAST,
    )
    cx_ask_limit: int = setting(
        60,
        "Questions in a window that one person may get when an origin for CX clients asks, from"
        " it and from all origins together: these do not wait.",
        high=MOST_QUESTIONS,
        direction=Direction.LEAST,
    )
    cx_ask_limit_unapproved: int = setting(
        CONSECUTIVE_FAILURES,
        "Questions since the last approval when an origin for CX clients asks; past it the"
        " person is asked once in the longest cool-down (NIST SP 800-63B-4, 3.1.3.2).",
        high=CONSECUTIVE_FAILURES,
        direction=Direction.LEAST,
    )
    cx_cooldown: bool = setting(
        default=False,
        reason="Whether refusals begin a cool-down for an origin for CX clients too: these read"
        " a 429 as a failure of the service.",
        direction=Direction.STRICTER,
        order=(False, True),
    )

    # Reasons of refusals
    on_declined: frozenset[Reaction] = setting(
        frozenset(),
        "What follows from a refusal for `declined`: nothing unless it is set, since a person who"
        " does not want something refuses as they should.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_not_mine: frozenset[Reaction] = setting(
        frozenset({Reaction.ALERT, Reaction.DEMAND_CODES}),
        "What follows from a refusal or disown for `not_mine`: somebody else may have the person's"
        " password, so that only who sees the origin's page may be approved from now on. With"
        " `lock_account`, whoever can start a log-in by a user name alone can shut its owner out.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_wrong_details: frozenset[Reaction] = setting(
        frozenset({Reaction.ALERT}),
        "What follows from a refusal for `wrong_details`: the origin has to look at what it asked,"
        " or at who changed it.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_pressured: frozenset[Reaction] = setting(
        frozenset({Reaction.ALERT}),
        "What follows from a refusal for `pressured`: an alert, which no device shows. Whatever"
        " else happens to the account can be seen by whoever presses the person, who is the one to"
        " pay for it; `lock_account` is for services where the loss is worse.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_other: frozenset[Reaction] = setting(
        frozenset(),
        "What follows from a refusal for `other`: nothing unless it is set, as it says nothing.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    codes_demanded: timedelta = setting(
        DAY,
        "How long `demand_codes` asks for a matching code. An origin that cannot show one asks"
        " once in the longest cool-down meanwhile.",
        low=MINUTE,
        high=30 * DAY,
        direction=Direction.MOST,
    )
    origin_rate: int = setting(
        6_000,
        "Challenges in a minute that one origin may issue in all.",
        direction=Direction.LEAST,
        by_origins=True,
    )
    authenticate_rate: int = setting(
        6_000,
        "Authentications by passkeys in a minute that one origin may begin in all: log-ins, as"
        " challenges are, of which nobody is notified.",
        direction=Direction.LEAST,
        by_origins=True,
    )
    redirect_rate: int = setting(
        6_000,
        "Log-ins in a minute that may be begun in one App Space, by callers that know its GUID.",
        direction=Direction.SERVICE,
    )
    invite_rate: int = setting(
        6_000,
        "Invitations in a minute that one origin may make in all, registrations of passkeys that it"
        " begins included.",
        direction=Direction.LEAST,
        by_origins=True,
    )
    device_invite_rate: int = setting(
        3,
        "Invitations in a minute that the devices of one account may make in all.",
        direction=Direction.LEAST,
    )
    comparison_rate: int = setting(
        600,
        "Comparison codes of new devices in a minute that one origin may send; each takes some"
        " 20 ms to check.",
        direction=Direction.LEAST,
        by_origins=True,
    )

    # New devices
    new_devices: NewDeviceRule = setting(
        NewDeviceRule.AT_ONCE,
        "Whether a device that an origin or an Identity Provider had bound counts at once, or only"
        " once it is confirmed; an App Space can only ask for more. One that a device invited"
        " always has to be confirmed.",
        direction=Direction.STRICTER,
        order=(NewDeviceRule.AT_ONCE, NewDeviceRule.CONFIRMED),
    )
    device_invitations: bool = setting(
        default=True,
        reason="Whether a device may invite another of its account; an App Space can only forbid"
        " it.",
        direction=Direction.STRICTER,
        order=(True, False),
    )
    device_replacement: bool = setting(
        default=True,
        reason="Whether a device that is bound by a log-in at an Identity Provider may replace"
        " one of its account.",
        direction=Direction.STRICTER,
        order=(True, False),
    )

    # Keys
    algorithms: frozenset[Algorithm] = setting(
        frozenset(Algorithm) - {Algorithm.ML_DSA_44},
        "The algorithms that a device's key may be pinned to. ML-DSA-44, which a quantum computer"
        " does not forge, has to be named: clients, and the `cryptography` that is installed,"
        " have to know it.",
        direction=Direction.SUBSET,
    )
    passkeys: PasskeyUse = setting(
        PasskeyUse.WITH_DEVICE_KEY,
        "Whether a strong key may be a passkey. One that its owner may copy to other devices (BE)"
        " counts as strong only together with the key that this device alone has, unless this is"
        " `allow`.",
        direction=Direction.STRICTER,
        order=(PasskeyUse.ALLOW, PasskeyUse.WITH_DEVICE_KEY, PasskeyUse.REFUSE),
    )
    passkey_origin: str = setting(
        "",
        "The web origin where passkeys are used, if the App Space does not say; its host is the"
        " relying party id. Empty: passkeys are bound in App Spaces that say it only."
        " `counterseal serve` sets it to that of `public_url`.",
        direction=Direction.SERVICE,
    )
    strong_keys_limit: int = setting(
        4,
        "Strong keys of one device: one for the PIN, others for biometrics.",
        high=16,
        direction=Direction.LEAST,
    )
    bindings_limit: int = setting(
        20,
        "Devices and open invitations of one account. An invitation whose device can take the"
        " place of another, by a device or a log-in, needs no free place.",
        high=200,
        direction=Direction.LEAST,
    )
    addresses_limit: int = setting(
        5, "Push addresses of one device.", high=50, direction=Direction.SERVICE
    )

    # Sizes: bytes of UTF-8 unless the name says otherwise
    content_bytes: int = setting(
        16_384, "Content of one challenge: all its texts together.", direction=Direction.SERVICE
    )
    pairs_limit: int = setting(50, "Lines of one template.", high=1000, direction=Direction.SERVICE)
    title_bytes: int = setting(
        512,
        "The title of a template, and each of the notification's two texts.",
        direction=Direction.SERVICE,
    )
    buttons_limit: int = setting(
        8, "Buttons of one challenge.", low=2, high=64, direction=Direction.SERVICE
    )
    button_bytes: int = setting(128, "The title of one button.", direction=Direction.SERVICE)
    style_bytes: int = setting(1_024, "The style of one button.", direction=Direction.SERVICE)
    additional_info_bytes: int = setting(
        8_192, "`additionalInfo`, written as JSON.", direction=Direction.SERVICE
    )
    transaction_id_bytes: int = setting(1_024, "`transactionId`.", direction=Direction.SERVICE)
    callback_bytes: int = setting(2_048, "A callback address.", direction=Direction.SERVICE)
    callbacks_limit: int = setting(
        32, "Entries of one origin's callback allow-list.", high=1000, direction=Direction.SERVICE
    )
    account_id_bytes: int = setting(
        256, "An origin's own id of an account.", high=1_024, direction=Direction.SERVICE
    )
    user_info_bytes: int = setting(4_096, "`userInfo` of an account.", direction=Direction.SERVICE)
    name_bytes: int = setting(
        256, "The name of a company, App Space, origin or device.", direction=Direction.SERVICE
    )
    address_bytes: int = setting(2_048, "A push address.", direction=Direction.SERVICE)
    token_bytes: int = setting(
        16_384, "A compact JWS that a device sends.", low=1024, direction=Direction.SERVICE
    )
    idempotency_key_bytes: int = setting(256, "An idempotency key.", direction=Direction.SERVICE)

    # Notifications
    origin_texts: bool = setting(
        default=True,
        reason="Whether a push says the origin's `notificationTitle` and `notificationBody`,"
        " or the App Space's texts only: the push service reads along.",
        direction=Direction.STRICTER,
        order=(True, False),
    )
    notification_title: str = setting(
        "Counterseal",
        "The notification's title if neither App Space nor origin gives one.",
        direction=Direction.SERVICE,
    )
    notification_body: str = setting(
        "A question is waiting for you.",
        "The notification's body if neither App Space nor origin gives one.",
        direction=Direction.SERVICE,
    )
    challenge_ended_body: str = setting(
        "This request is over: it was answered on another device, or withdrawn.",
        "What the user's other devices say when a question needs no answer any more,"
        " if the App Space gives no text.",
        direction=Direction.SERVICE,
    )
    device_bound_body: str = setting(
        "A device was added to your account.",
        "What the user's other devices say when one is bound, if the App Space"
        " gives no text (NIST SP 800-63B-4, 4.6: account notifications).",
        direction=Direction.SERVICE,
    )
    device_revoked_body: str = setting(
        "A device was removed from your account.",
        "What the user's other devices say when one is revoked, if the App Space gives no text.",
        direction=Direction.SERVICE,
    )
    device_unconfirmed_body: str = setting(
        "Add a new device to your account?",
        "What the user's devices say when a new one waits to be confirmed, if the App Space gives"
        " no text.",
        direction=Direction.SERVICE,
    )
    device_notification_life: timedelta = setting(
        24 * HOUR,
        "How long the user's other devices are notified that one was bound or revoked.",
        low=MINUTE,
        high=28 * DAY,
        direction=Direction.SERVICE,
    )
    push_delays: tuple[timedelta, ...] = setting(
        (2 * SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE),
        "The wait after each push that has to be tried again; the last one"
        " stays, until the challenge's deadline. Somebody waits for the answer, so the"
        " first are short.",
        direction=Direction.SERVICE,
    )
    push_timeout: timedelta = setting(
        10 * SECOND,
        "How long one attempt to push may take, at all addresses together.",
        low=SECOND,
        high=MINUTE,
        direction=Direction.SERVICE,
    )
    push_lease: timedelta = setting(
        30 * SECOND,
        "How long a worker's claim on a push lasts; longer than the attempt takes.",
        low=2 * SECOND,
        high=TEN_MINUTES,
        direction=Direction.SERVICE,
    )
    notification_retention: timedelta = setting(
        HOUR,
        "How long a notification stays readable after its last attempt may be made.",
        low=MINUTE,
        direction=Direction.SERVICE,
    )

    # Callbacks
    callback_delays: tuple[timedelta, ...] = setting(
        (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR, 10 * HOUR),
        "The wait after each failed attempt. One attempt more than there are waits; then the"
        " callback is dead. Past a day nobody waits for the answer"
        " (Standard Webhooks 1.0, retries).",
        direction=Direction.SERVICE,
    )
    callback_jitter: float = setting(
        0.2,
        "The share of each wait that is random, of a callback's and of a push's: retries spread.",
        direction=Direction.SERVICE,
    )
    callback_timeout: timedelta = setting(
        15 * SECOND,
        "How long one attempt may take (Standard Webhooks 1.0: 15 to 30 s).",
        low=SECOND,
        high=MINUTE,
        direction=Direction.SERVICE,
    )
    callback_lease: timedelta = setting(
        MINUTE,
        "How long a worker's claim on an attempt lasts; longer than the attempt takes.",
        low=2 * SECOND,
        high=TEN_MINUTES,
        direction=Direction.SERVICE,
    )
    callback_plain_http: bool = setting(
        default=False,
        reason="Whether an entry of an allow-list without a scheme covers plain http beside https;"
        " `counterseal serve` sets it where its own settings let callbacks go by plain http.",
        direction=Direction.SERVICE,
    )

    # Events
    events_retention: timedelta = setting(
        7 * DAY,
        "How long an account's event can be read again by the App Space's origins, and is sent to"
        " them at the latest: longer than callbacks are retried.",
        low=HOUR,
        high=90 * DAY,
        direction=Direction.SERVICE,
    )

    # Commits
    commit_attempts: int = setting(
        16,
        "How often a decision is made again after losing a race, or a lost reply asked for again.",
        high=1000,
        direction=Direction.SERVICE,
    )

    def asking_limits(self, clients: Clients) -> AskingLimits:
        """Return how often an origin for *clients* may ask a person."""
        if clients is Clients.CX:
            return AskingLimits(
                pending=self.cx_pending_limit,
                origin_window=self.cx_ask_limit,
                account_window=self.cx_ask_limit,
                unapproved=self.cx_ask_limit_unapproved,
                cooldown=self.cx_cooldown,
            )
        return AskingLimits(
            pending=self.pending_limit,
            origin_window=self.ask_limit_origin,
            account_window=self.ask_limit,
            unapproved=self.ask_limit_unapproved,
            cooldown=True,
        )

    def reactions_to(self, reason: RefusalReason) -> frozenset[Reaction]:
        """Return what follows from a refusal for *reason*."""
        reactions: frozenset[Reaction] = getattr(self, f"on_{reason.value}")
        return reactions

    def __attrs_post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if self.challenge_life > self.challenge_life_limit:
            raise PolicyUnsound("challenge_life: longer than challenge_life_limit")
        if self.action_life > self.action_life_limit:
            raise PolicyUnsound("action_life: longer than action_life_limit")
        if self.action_validity > self.action_validity_limit:
            raise PolicyUnsound("action_validity: longer than action_validity_limit")
        if self.callback_lease <= self.callback_timeout:
            raise PolicyUnsound("callback_lease: not longer than callback_timeout")
        if self.push_lease <= self.push_timeout:
            raise PolicyUnsound("push_lease: not longer than push_timeout")
        retries = sum(self.callback_delays, timedelta(0)) * (1 + self.callback_jitter)
        if self.retention < max(retries, self.idempotency_life):
            raise PolicyUnsound(
                "retention: shorter than callback_delays in all, or than idempotency_life"
            )
        if self.events_retention < retries:
            raise PolicyUnsound("events_retention: shorter than callback_delays in all")
        if self.cooldown > self.cooldown_limit:
            raise PolicyUnsound("cooldown: longer than cooldown_limit")
        try:
            scope_of(self.passkey_origin)
        except InvalidField:
            raise PolicyUnsound("passkey_origin: not a web origin by https") from None


STANDARD = Policy()
"""For most services."""

STRICT = Policy(
    pending_limit=1,
    supersede=True,
    ask_limit_origin=5,
    ask_limit=10,
    ask_limit_unapproved=20,
    cooldown_after=2,
    cooldown=2 * MINUTE,
    cx_pending_limit=1,
    cx_ask_limit=5,
    cx_ask_limit_unapproved=20,
    cx_cooldown=True,
    on_not_mine=frozenset({Reaction.ALERT, Reaction.CANCEL_PENDING, Reaction.DEMAND_CODES}),
    strike_limit=3,
    origin_texts=False,
    renewal_window=timedelta(0),
    algorithms=frozenset({Algorithm.ES256, Algorithm.EDDSA, Algorithm.PS256}),
)
"""One question at a time, few guesses, no PKCS#1 v1.5, plain pushes: for payments, for staff."""

PROFILES = {"standard": STANDARD, "strict": STRICT}
