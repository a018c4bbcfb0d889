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
    Action,
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
        "The longest `duration` of a challenge for an action; a day at most, but ten minutes for an"
        " action of the type `login` (NIST SP 800-63B-4, 3.1.3).",
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
        "How much later than the challenge's deadline an origin may set that time at most: an"
        " approval from long ago may no longer be what the person wants.",
        high=30 * DAY,
        direction=Direction.LEAST,
        by_origins=True,
    )
    arguments_required: bool = setting(
        default=True,
        reason="Whether an origin must present the arguments to use an approved action; without"
        " them, nothing compares the executed action with the approved one.",
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
        "How long after an origin made an invitation support staff may renew it, for a user"
        " who lost the link or was too slow. Anybody who sees the new link can bind a device;"
        " zero forbids it.",
        low=timedelta(0),
        high=7 * DAY,
        direction=Direction.SERVICE,
    )
    mailed_link_life: timedelta = setting(
        HOUR,
        "How long a link that is mailed to a user may be used to get one invitation, unless the"
        " administrator who makes it chooses a shorter time. The first person who reads the mail"
        " can bind a device.",
        low=MINUTE,
        high=7 * DAY,
        direction=Direction.SERVICE,
    )
    support_invites: bool = setting(
        False,  # noqa: FBT003 (a setting)
        "Whether User Support may invite users, as other administrators may where origins say who"
        " the users are. Somebody who may both revoke a lost device and invite can answer for a"
        " user.",
        direction=Direction.SERVICE,
    )
    support_reads_content: bool = setting(
        False,  # noqa: FBT003 (a setting)
        "Whether User Support may read the content of a question, and not only when it was"
        " asked and how it ended.",
        direction=Direction.SERVICE,
    )
    confirmation_life: timedelta = setting(
        HOUR,
        "How long a new device may wait for its confirmation, if it needs one.",
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
        "How long a browser may take to register a passkey, or to authenticate with one.",
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
        "How long the service relies on the last reply of an Identity Provider about a user.",
        high=DAY,
        direction=Direction.LEAST,
    )
    revalidation_grace: timedelta = setting(
        timedelta(),
        "How much longer the service relies on that reply while the provider does not respond."
        " By default not at all: then devices wait until it responds.",
        high=DAY,
        direction=Direction.LEAST,
    )
    provider_session_life: timedelta = setting(
        90 * DAY,
        "How long a logout that names only a session at the Identity Provider still finds the"
        " user who logged in in that session.",
        low=MINUTE,
        direction=Direction.SERVICE,
    )
    retention: timedelta = setting(
        30 * DAY,
        "How long a finished challenge or callback stays readable at least; it is longer than"
        " callbacks are retried and idempotency keys are remembered.",
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
        "How long an administrator's one-time link may be used, unless the administrator who makes"
        " it chooses a shorter time; a day at most (NIST SP 800-63B-4, 4.2.1: codes that are"
        " sent).",
        low=MINUTE,
        high=DAY,
        direction=Direction.SERVICE,
    )
    portal_session_idle: timedelta = setting(
        15 * MINUTE,
        "After this time without a request, an administrator is logged out of the portal"
        " (NIST SP 800-63B-4, 2.3.3: 15 minutes; OWASP ASVS 5.0, 7.3.1). The time of the last"
        " request is stored once a minute.",
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
        "How long a browser in which an administrator has used a passkey may send a question"
        " to that administrator's own device; other browsers cannot.",
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
        "Questions since the last approval; after them, the person is asked only with a"
        " matching code (NIST SP 800-63B-4, 3.1.3.2: limit pushes since the last success).",
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
        "The longest cool-down, so that nobody can lock a person out by asking.",
        high=DAY,
        direction=Direction.MOST,
    )
    cx_pending_limit: int = setting(
        50,
        "Open questions that one person may have if an origin for CX clients asks; these"
        " clients never cancel a question.",
        high=MOST_PENDING,
        direction=Direction.LEAST,
    )
    cx_ask_limit: int = setting(
        60,
        "Questions in a window that one person may get if an origin for CX clients asks, from"
        " this origin and from all origins together; these clients do not wait.",
        high=MOST_QUESTIONS,
        direction=Direction.LEAST,
    )
    cx_ask_limit_unapproved: int = setting(
        CONSECUTIVE_FAILURES,
        "Questions since the last approval if an origin for CX clients asks; after them, the"
        " person is asked only once in the longest cool-down (NIST SP 800-63B-4, 3.1.3.2).",
        high=CONSECUTIVE_FAILURES,
        direction=Direction.LEAST,
    )
    cx_cooldown: bool = setting(
        default=False,
        reason="Whether refusals also begin a cool-down for an origin for CX clients, which treat a"
        " 429 as a failure of the service.",
        direction=Direction.STRICTER,
        order=(False, True),
    )

    # Reasons of refusals
    on_declined: frozenset[Reaction] = setting(
        frozenset(),
        "The reaction to a refusal for `declined`. Nothing by default, because a person who"
        " does not want something is right to refuse it.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_not_mine: frozenset[Reaction] = setting(
        frozenset({Reaction.ALERT, Reaction.DEMAND_CODES}),
        "The reaction to a refusal or disown for `not_mine`. Somebody else may have the"
        " person's password, so from then on a matching code shows that the person sees the"
        " origin's page. With `lock_account`, anybody who can start a log-in with only a user"
        " name can lock the user out.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_wrong_details: frozenset[Reaction] = setting(
        frozenset({Reaction.ALERT}),
        "The reaction to a refusal for `wrong_details`: the origin has to check its question,"
        " and whether somebody has changed it.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_pressured: frozenset[Reaction] = setting(
        frozenset({Reaction.ALERT}),
        "The reaction to a refusal for `pressured`: an alert, which no device shows. Every"
        " other reaction is visible to the attacker who forces the person, and may endanger"
        " the person; set `lock_account` only if the loss would be worse.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    on_other: frozenset[Reaction] = setting(
        frozenset(),
        "The reaction to a refusal for `other`. Nothing by default, because this reason gives"
        " no information.",
        direction=Direction.SUPERSET,
        members=Reaction,
    )
    codes_demanded: timedelta = setting(
        DAY,
        "How long `demand_codes` requires a matching code. During this time, an origin that"
        " cannot show a code may ask once in the longest cool-down.",
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
        "Authentications with passkeys in a minute that one origin may begin in all. They are"
        " log-ins, but no device is notified of them.",
        direction=Direction.LEAST,
        by_origins=True,
    )
    redirect_rate: int = setting(
        6_000,
        "Log-ins in a minute that callers who know its GUID may begin in one App Space.",
        direction=Direction.SERVICE,
    )
    invite_rate: int = setting(
        6_000,
        "Invitations in a minute that one origin may make in all, including registrations of"
        " passkeys.",
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
        "Whether a device that an origin or an Identity Provider had bound is active at once,"
        " or only after its confirmation; an App Space can only be stricter. A device that"
        " another device has invited must always be confirmed.",
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
        "The algorithms that a device's key may use. ML-DSA-44, which a quantum computer"
        " cannot forge, is allowed only if it is named here, because clients and the installed"
        " `cryptography` must support it.",
        direction=Direction.SUBSET,
    )
    passkeys: PasskeyUse = setting(
        PasskeyUse.WITH_DEVICE_KEY,
        "Whether a strong key may be a passkey. Unless this is `allow`, a passkey that its"
        " owner may copy to other devices (BE) is accepted as strong only with the key"
        " that only this device has.",
        direction=Direction.STRICTER,
        order=(PasskeyUse.ALLOW, PasskeyUse.WITH_DEVICE_KEY, PasskeyUse.REFUSE),
    )
    passkey_origin: str = setting(
        "",
        "The web origin where passkeys are used, if the App Space names none; its host is the"
        " relying party id. If it is empty, passkeys can be bound only in App Spaces that name"
        " one. `counterseal serve` sets it to that of `public_url`.",
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
        "Devices and open invitations of one account. An invitation by a device or a log-in,"
        " whose device can replace another one, needs no free place.",
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
        reason="Whether a push message may contain the origin's `notificationTitle` and"
        " `notificationBody`, or only the App Space's texts: the push service can read them. With"
        " one of them, the title begins with the App Space's name.",
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
    action_reminder: timedelta = setting(
        TEN_MINUTES,
        "The longest life of a challenge for an action without a reminder. If it lives longer, its"
        " devices are notified once more in the middle of its life, unless it has ended by then. A"
        " day means never.",
        low=SECOND,
        high=DAY,
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
        "The wait after each failed push; the last one is used until the challenge's"
        " deadline. A person waits for the answer, so the first waits are short.",
        direction=Direction.SERVICE,
    )
    push_timeout: timedelta = setting(
        10 * SECOND,
        "How long one attempt to push may take, for all addresses together.",
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

    # Log-ins
    return_localhost: bool = setting(
        default=False,
        reason="Whether users may return to an app at `http://localhost`, with the port that"
        " `returns` has; `counterseal serve` sets it if its own settings allow Identity Providers"
        " at private addresses.",
        direction=Direction.SERVICE,
    )

    # Callbacks
    callback_delays: tuple[timedelta, ...] = setting(
        (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR, 10 * HOUR),
        "The wait after each failed attempt. There is one attempt more than waits; then the"
        " callback is dead. After a day, nobody waits for the answer any more (Standard"
        " Webhooks 1.0, retries).",
        direction=Direction.SERVICE,
    )
    callback_jitter: float = setting(
        0.2,
        "The random share of each wait of a callback or a push, so that retries do not all"
        " come at the same time.",
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
        reason="Whether an entry of an allow-list without a scheme also allows plain http;"
        " `counterseal serve` sets it if its own settings allow callbacks over plain http.",
        direction=Direction.SERVICE,
    )

    # Events
    events_retention: timedelta = setting(
        7 * DAY,
        "How long the App Space's origins can read an account's event, and how late it is"
        " sent to them at most; it is longer than callbacks are retried.",
        low=HOUR,
        high=90 * DAY,
        direction=Direction.SERVICE,
    )

    # Commits
    commit_attempts: int = setting(
        16,
        "How often a decision is repeated after a conflict, or a commit after a lost reply.",
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

    def action_lives(self, action: Action) -> tuple[timedelta, timedelta]:
        """Return how long a challenge for *action* may be answered by default, and at most."""
        if action.type == "login":
            # NIST SP 800-63B-4, 3.1.3: a log-in is one, however it is asked about.
            return min(self.action_life, TEN_MINUTES), min(self.action_life_limit, TEN_MINUTES)
        return self.action_life, self.action_life_limit

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
