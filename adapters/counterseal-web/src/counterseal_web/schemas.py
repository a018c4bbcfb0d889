"""Schemas: what the bodies of calls and replies look like, as OpenAPI says it (JSON Schema)."""

from __future__ import annotations

from typing import Any

from counterseal.models import AccountEventKind
from counterseal_web.messages import PNG

Schema = dict[str, Any]

GUID: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
VISIBLE: Schema = NAME | {"pattern": r"[^\s\x1C-\x1F\x85]"}
"""White space alone shows nothing."""

COLOR = "^#[0-9A-Fa-f]{6}$"
NEW_APP_TEXT: Schema = {"type": "string", "pattern": "^[!-~]([ -~]{0,62}[!-~])?$"}
"""What a device says of its app: visible ASCII."""

LANGUAGE: Schema = {
    "type": "string",
    "maxLength": 35,
    "pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
    "description": "A language tag (RFC 5646), such as `de-AT`.",
}
LANGUAGES: Schema = {
    "type": "array",
    "items": {"type": "string"},
    "description": "In which the service displays actions; where it is missing, the service takes"
    " no `language`.",
}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(*optional: str, **members: Schema) -> Schema:
    return {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
    }


def _closed(*optional: str, **members: Schema) -> Schema:
    return _object(*optional, **members) | {"additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


BUTTON = _closed(
    "style",
    "approving",
    title=VISIBLE,
    strongAuth=FLAG,
    style=_maybe(TEXT),
    approving=_maybe(FLAG),
)
BUTTON_TEXT: Schema = {"type": "string", "contentMediaType": "application/json"}
PAIRS = _closed("keys", title=VISIBLE, keys=_list(_closed(key=VISIBLE, value=TEXT)))
ASKED_PAIRS = PAIRS | {
    "description": "At an origin for CX clients a `value` may be missing or null.",
}
ACCOUNT_ID: Schema = NAME | {
    "description": "At an origin for CX clients also a whole number, read as its decimal text.",
}
USER_INFO: Schema = {
    "type": ["string", "null"],
    "description": "At an origin for CX clients also an object, read as its JSON text.",
}
"""What every origin may send; for CX clients there is more, as the descriptions say."""

DURATION: Schema = {
    "anyOf": [
        {"type": "string", "maxLength": 9, "pattern": "^0*([1-9][0-9]?|[1-5][0-9]{2}|600)$"},
        {"type": "string", "maxLength": 10, "pattern": "^0*([1-9][0-9]?|[1-5][0-9]{2}|600)s$"},
        {"type": "string", "maxLength": 10, "pattern": "^0*([1-9]|10)m$"},
        {"type": "integer", "minimum": 1, "maximum": 600},
        {"type": "null"},
    ],
    "description": "Without a unit, seconds. Hours and days are read too, and are too long, but for"
    " an action where the policy allows it: a day at most.",
}
"""As long as any policy allows for a question that is about no action."""

LONG_DURATION: Schema = {
    "anyOf": [
        {"type": "string", "pattern": "^[0-9]{1,9}[smhd]?$"},
        {"type": "integer", "minimum": 1, "maximum": 86_400},
        {"type": "null"},
    ],
    "description": "Without a unit, seconds. Ten minutes at most; for an action a day at most,"
    " where the policy allows it.",
}

ARGUMENTS: Schema = {
    "type": "object",
    "additionalProperties": True,
    "description": "Any object that I-JSON can hold (RFC 7493).",
}
ACTION: Schema = _closed(
    "agent",
    "run",
    "purpose",
    "validUntil",
    "language",
    type={"type": "string", "maxLength": 64, "pattern": "^[a-z][a-z0-9]*([-.:][a-z0-9]+)*$"},
    resource=NAME,
    arguments=ARGUMENTS,
    agent=_maybe(NAME),
    run=_maybe(NAME),
    purpose=_maybe(NAME),
    validUntil=_maybe(MOMENT),
    language=_maybe(LANGUAGE)
    | {"description": "Of what the person reads; by default, that of the person's device."},
) | {"description": "An action of a registered type, in place of `content`."}

DOMAIN: Schema = NAME | {
    "description": "One of the origin's entries of `callbackType` 2, without a port.",
}
PASSKEY_USER: Schema = {
    "anyOf": [
        {"type": "string", "contentMediaType": "application/json"},
        {"type": "object", "required": ["name", "displayName"], "additionalProperties": True},
    ],
    "description": "The JSON of an object with `name` and `displayName`; an object itself at an"
    " origin for CX clients.",
}
BASE64URL: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}


def _credential(*optional: str, **response: Schema) -> Schema:
    """Return what `toJSON` of a browser's credential returns; browsers may add members."""
    members = _object(
        "rawId",
        id=BASE64URL,
        rawId=BASE64URL,
        type={"const": "public-key"},
        response=_object(*optional, **response) | {"additionalProperties": True},
    )
    return {
        "anyOf": [members | {"additionalProperties": True}, BUTTON_TEXT],
        "description": "What `toJSON` of the browser's `PublicKeyCredential` returns"
        " (WebAuthn Level 3, 5.1.8), or its text; other members are ignored.",
    }


REQUEST: dict[str, Schema] = {
    "guid": GUID,
    "privakeyId": GUID,
    "accountId": TEXT,
    "appSpaceGuid": GUID,
    "requestOriginGuid": GUID,
    "transactionId": _maybe(TEXT),
    "content": {"anyOf": [TEXT, PAIRS]},
    "buttons": _list(_object(title=TEXT, strongAuth=FLAG, style=_maybe(TEXT), approving=FLAG)),
    "additionalInfo": {"type": ["string", "object", "null"]},
    "showCode": FLAG,
    "showNotification": FLAG,
    "callback": _maybe(TEXT),
    "state": {
        "enum": ["PENDING", "SEEN", "ANSWERED", "DISOWNED", "CANCELLED", "FAILED", "EXPIRED"]
    },
    "status": {"type": "string", "description": "The same as `state`."},
    "issuedAt": MOMENT,
    "expiresAt": MOMENT,
    "buttonSelected": _maybe(COUNT),
    "approved": FLAG,
    "answeredAt": _maybe(MOMENT),
    "device": _maybe(GUID),
    "answer": _maybe(TEXT),
    "receipt": _maybe(TEXT),
    "action": _object(type=TEXT, digest=TEXT, validUntil=MOMENT, language=TEXT)
    | {"description": "Where the question asks for an action."},
    "reason": {
        "enum": ["declined", "not_mine", "wrong_details", "pressured", "other"],
        "description": "Why the person refused; only there if they said so. Show `pressured` on"
        " no page.",
    },
}
ACCOUNT: dict[str, Schema] = {
    "privakeyId": GUID,
    "accountId": TEXT,
    "userInfo": TEXT,
    "appSpaceGuid": GUID,
    "locked": FLAG,
    "createdAt": MOMENT,
}
ADDRESSES = _list(
    _closed(
        kind={"enum": ["fcm_token", "fcm_fid", "webpush", "apns", "relay"]},
        value=NAME,
    )
)
APP_TEXT: Schema = {"type": "string", "description": "As the device says; empty if it does not."}
LAST_SEEN: Schema = _maybe(MOMENT) | {
    "description": "When the device last made a call, up to an hour out of date; null if it made"
    " none.",
}
DEVICE: dict[str, Schema] = {
    "device": GUID,
    "status": {"enum": ["INVITED", "UNCONFIRMED", "ACTIVE", "SUSPENDED", "REVOKED", "EXPIRED"]},
    "name": TEXT,
    "addresses": {"type": "integer", "description": "How many push addresses are known."},
    "attemptsLeft": COUNT,
    "keys": _list(_object(role={"enum": ["device", "strong"]}, kid=TEXT)),
    "platform": APP_TEXT,
    "appVersion": APP_TEXT,
    "lastSeenAt": LAST_SEEN,
    "language": LANGUAGE,
}
BRAND: dict[str, Schema] = {
    "appSpaceColor": {"type": "string", "pattern": COLOR},
    "appSpaceLogo": {"type": "string", "description": "SHA-256 of the logo, base64url."},
}
NAMES: dict[str, Schema] = {
    "companyName": TEXT | {"description": "As the App Space's company calls itself."},
    "verifiedName": TEXT
    | {"description": "As an operator calls the company; missing if it is not verified."},
    "accountId": TEXT,
    "accountName": TEXT
    | {"description": "The `displayName` of the account's `userInfo`, or else its id."},
}
KEY: dict[str, Schema] = {
    "role": {"enum": ["device", "strong"]},
    "jwk": _closed(
        *("crv", "x", "y", "n", "e", "pub", "use", "key_ops"),
        **dict.fromkeys(("kty", "alg", "crv", "x", "y", "n", "e", "pub", "use"), TEXT),
        key_ops=_list(TEXT),
        kid={"type": "string", "pattern": r"^[\x21-\x7E]{1,128}$"},
    ),
    "proof": NAME,
    "credentialId": {
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]{2,1364}$",
        "description": "Of a passkey only; base64url.",
    },
}
KEY_SET = _object(keys=_list(_object(kty=TEXT, kid=TEXT, alg=TEXT)))

SCHEMAS: dict[str, Schema] = {
    "Problem": _object(
        "detail",
        "field",
        "reason",
        "attemptsLeft",
        "requestId",
        type=TEXT,
        title=TEXT,
        status={"type": "integer"},
        code={"type": "string", "description": "Stable; see the reference of errors."},
        detail=TEXT,
        field=TEXT,
        reason=TEXT,
        attemptsLeft=COUNT,
        requestId={
            "type": "string",
            "description": "The id of the request, as in `X-Request-Id` and in the service's log.",
        },
    ),
    # What an origin sends
    "AccountName": _closed(accountId=ACCOUNT_ID),
    "RequestName": _closed(requestGuid=NAME),
    "DeviceName": _closed(deviceGuid=NAME),
    "Comparison": _closed(deviceGuid=NAME, comparisonCode=NAME),
    "Bind": _closed("userInfo", accountId=ACCOUNT_ID, userInfo=USER_INFO),
    "NewPasskey": _closed(accountId=ACCOUNT_ID, userInfo=PASSKEY_USER, domain=DOMAIN),
    "CreatedPasskey": _closed(
        accountId=ACCOUNT_ID,
        credential=_credential(clientDataJSON=BASE64URL, attestationObject=BASE64URL),
    ),
    "PasskeyDomain": _closed(accountId=ACCOUNT_ID, domain=DOMAIN),
    "UsedPasskey": _closed(
        accountId=ACCOUNT_ID,
        credential=_credential(
            "userHandle",
            clientDataJSON=BASE64URL,
            authenticatorData=BASE64URL,
            signature=BASE64URL,
            userHandle=_maybe({"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}),
        ),
    ),
    "Question": _closed(
        "buttons",
        "duration",
        "callback",
        "additionalInfo",
        "transactionId",
        "notificationTitle",
        "notificationBody",
        "showNotification",
        "showCode",
        "deviceGuid",
        "context",
        "content",
        "action",
        accountId=ACCOUNT_ID,
        action=ACTION,
        content={
            "anyOf": [
                VISIBLE,
                ASKED_PAIRS,
                _closed(text=VISIBLE),
                _closed(html=VISIBLE),
            ]
        },
        buttons=_maybe(_list({"anyOf": [BUTTON, BUTTON_TEXT]}) | {"minItems": 2}),
        duration=LONG_DURATION,
        callback=_maybe(NAME),
        additionalInfo={"type": ["string", "object", "null"], "additionalProperties": True},
        transactionId=_maybe(TEXT),
        notificationTitle=_maybe(TEXT),
        notificationBody=_maybe(TEXT),
        showNotification={"anyOf": [FLAG, {"enum": ["true", "false"]}]},
        showCode={"anyOf": [FLAG, {"enum": ["true", "false"]}]},
        context=_maybe(
            _closed(
                "ipAddress",
                "place",
                "browser",
                ipAddress=_maybe(NAME),
                place=_maybe(VISIBLE),
                browser=_maybe(VISIBLE),
            )
            | {"minProperties": 1, "description": "As you say it; shown as your words, and signed."}
        ),
        deviceGuid=_maybe(GUID)
        | {"description": "The only device that is asked; without it, all of the account are."},
    )
    | {
        "oneOf": [
            {"required": ["content"], "properties": {"duration": DURATION, "action": False}},
            {"required": ["action"], "properties": {"content": False}},
        ]
    },
    "UseRequest": _closed(requestGuid=GUID, arguments=ARGUMENTS),
    "UseReport": _closed(
        "detail",
        requestGuid=GUID,
        outcome={"enum": ["executed", "failed"]},
        detail=_maybe(NAME | {"maxLength": 1024}),
    ),
    # What an origin gets
    "Invitation": _object(
        "appUrl",
        "serviceUrl",
        privakeyId=GUID,
        sessionToken={
            "anyOf": [TEXT, _object(guid=TEXT, expiration=MOMENT)],
            "description": "A text; an object, whose `guid` is the whole token, only if the"
            " origin's `sessionTokenForm` is `object`, for clients of 2019.",
        },
        sessionTokenExpiration=MOMENT,
        appSpaceGuid=GUID,
        appSpaceName=TEXT,
        appUrl={"type": "string", "description": "Where bind links open, if they open a page."},
        serviceUrl={"type": "string", "description": "Beside `appUrl`."},
    ),
    "Account": _object(**ACCOUNT),
    "RegistrationOptions": _object(
        privakeyId=GUID,
        registrationOptions={
            "type": "object",
            "description": "For `PublicKeyCredential.parseCreationOptionsFromJSON`"
            " (WebAuthn Level 3, 5.1.9).",
        },
    ),
    "RegisteredPasskey": _object(privakeyId=GUID, deviceGuid=GUID, message=TEXT),
    "AssertionOptions": _object(
        requestGuid=GUID,
        assertionOptions={
            "type": "object",
            "description": "For `PublicKeyCredential.parseRequestOptionsFromJSON`"
            " (WebAuthn Level 3, 5.1.10).",
        },
    ),
    "Authenticated": _object(requestGuid=GUID, privakeyId=GUID, deviceGuid=GUID),
    "UserDevice": _object(
        guid=GUID,
        name=TEXT,
        platform=APP_TEXT,
        appVersion=APP_TEXT,
        status=DEVICE["status"],
        answers=FLAG
        | {
            "description": "False for a passkey in a browser, which authenticates by"
            " `request/webauthn/authenticate`, and answers no `request/add`.",
        },
        suspendedBy={"enum": ["idp", "staff", None]},
        createdAt=MOMENT,
        boundAt=_maybe(MOMENT),
        endedAt=_maybe(MOMENT),
        lastSeenAt=LAST_SEEN,
    ),
    "Devices": _list(_ref("UserDevice")),
    "Request": _object("reason", "action", **REQUEST),
    "Requests": _list(_ref("Request")),
    "Action": _object(
        requestGuid=GUID,
        state={
            "enum": [
                *("PENDING", "DECLINED", "DISOWNED", "CANCELLED", "FAILED"),
                *("APPROVED", "USED", "WITHDRAWN", "EXPIRED"),
            ]
        },
        type=TEXT,
        digest=TEXT,
        validUntil=MOMENT,
        use=_maybe(
            _object(
                state={"enum": ["UNKNOWN", "EXECUTED", "FAILED"]},
                argumentsPresented=FLAG,
                receipt=TEXT,
                detail=_maybe(TEXT),
                at=MOMENT,
                reportedAt=_maybe(MOMENT),
            )
        ),
    ),
    "IssuedRequest": _object(
        *("code", "reason", "action", "warnings"),
        **REQUEST,
        code={"type": "string", "description": "To be shown to the person, once."},
        warnings=_list(
            _object(
                *("field", "host"),
                code=TEXT | {"description": "`document_host`; a newer service may know more."},
                field=TEXT | {"description": "The member of the question that it is about."},
                host=TEXT | {"description": "From which the service's app may not fetch."},
            )
        )
        | {"description": "What people will meet; missing where there is nothing to warn of."},
    ),
    # One of them, as OpenAPI 3.2 has it; 3.1 says nothing about streams.
    "AccountEvent": _object(
        type=TEXT
        | {
            "description": "What happened, one of "
            + ", ".join(f"`{kind.value}`" for kind in AccountEventKind)
            + ". A newer service may know more.",
        },
        guid=GUID | {"description": "The same each time that the event is sent or read."},
        at=MOMENT,
        sequence=COUNT | {"description": "The account's events are numbered from 1."},
        privakeyId=GUID,
        accountId=_maybe(TEXT) | {"description": "Null once the account is erased."},
        appSpaceGuid=GUID,
        deviceGuid=_maybe(GUID),
        requestGuid=_maybe(GUID),
    ),
    "AccountEvents": _object(
        events=_list(_ref("AccountEvent")),
        next=TEXT | {"description": "The cursor for what follows, for `after`."},
        more=FLAG | {"description": "Whether there is more already."},
        gap=FLAG
        | {
            "description": "Whether events after the cursor have been forgotten, so that this"
            " origin may have missed some.",
        },
    ),
    "Events": _object(
        event=REQUEST["state"],
        id=TEXT,
        data={
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": _ref("Request"),
        },
    ),
    "PendingEvents": {
        "anyOf": [
            _object(
                event={"const": event},
                data={
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": schema,
                },
            )
            for event, schema in (
                ("requests", _ref("Pending")),
                ("ended", _object(requestGuid=GUID)),
            )
        ]
    },
    # What a device sends
    "Look": _closed(token=NAME),
    "NewLogin": _closed(appSpaceGuid=NAME, redirectUri=NAME),
    "LoginReturn": _closed("iss", state=NAME, code=NAME, secret=NAME, iss=_maybe(TEXT)),
    "LoggedOut": _object(logout_token=NAME) | {"additionalProperties": True},
    "Enrolment": _closed(
        "name",
        "addresses",
        "replaces",
        "platform",
        "appVersion",
        "language",
        token=NAME,
        keys=_list(_closed("credentialId", **KEY)),
        name=NAME,
        addresses=ADDRESSES,
        replaces=GUID,
        platform=NEW_APP_TEXT,
        appVersion=NEW_APP_TEXT,
        language=LANGUAGE,
    ),
    "Rotation": _closed(keys=_list(_closed("credentialId", **KEY, endorsement=NAME))),
    "Update": _closed(
        "name",
        "addresses",
        "platform",
        "appVersion",
        "language",
        name=NAME,
        addresses=ADDRESSES,
        platform=NEW_APP_TEXT,
        appVersion=NEW_APP_TEXT,
        language=LANGUAGE,
    ),
    "Token": {"type": "string", "description": "A compact JWS (RFC 7515)."},
    "TelemetryEvent": _closed(
        "attributes",
        "requestGuid",
        event={"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
        attributes={
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9_.-]{1,64}$"},
            "additionalProperties": {"type": "string", "pattern": "^[A-Za-z0-9_.:+-]{0,64}$"},
            "maxProperties": 16,
        },
        requestGuid=GUID,
    ),
    # What a device gets
    "Invited": _object(
        *BRAND,
        *("rpId", "verifiedName", "account", "accountId", "accountName", "languages"),
        appSpace=GUID,
        appSpaceName=TEXT,
        account=GUID,
        **NAMES,
        **BRAND,
        rpId=TEXT,
        languages=LANGUAGES,
    ),
    "Begun": _object(
        url={"type": "string", "description": "Where to send the user."},
        secret={"type": "string", "description": "For the app that began, and nobody else."},
        expiresAt=MOMENT,
    ),
    "LoggedIn": _object(
        sessionToken=TEXT,
        sessionTokenExpiration=MOMENT,
        appSpaceGuid=GUID,
        appSpaceName=TEXT,
        devices=_list(_object(device=GUID, name=TEXT, boundAt=MOMENT)),
    ),
    "Bound": _object(
        *("confirmBy", "verifiedName"),
        device=GUID,
        account=GUID,
        appSpace=GUID,
        appSpaceName=TEXT,
        **NAMES,
        serviceKeys=_ref("KeySet"),
        confirmBy=MOMENT,
    ),
    "InvitedDevice": _object(
        device=GUID, sessionToken=TEXT, sessionTokenExpiration=MOMENT, link=TEXT
    ),
    "NewDevices": _object(
        confirmations=_list(
            _object(
                "replaces",
                device=GUID,
                name=TEXT,
                expiresAt=MOMENT,
                replaces=GUID,
                keys=_list(_object(role=KEY["role"], jwk={"type": "object"})),
            )
        )
    ),
    "DeviceDecision": _object(device=GUID, status=DEVICE["status"]),
    "Pending": _object(requests=_list(_object(guid=GUID, issuedAt=MOMENT, expiresAt=MOMENT))),
    "Ended": _object(
        requests=_list(
            _object(
                guid=GUID,
                state=REQUEST["state"],
                approved=FLAG,
                buttonSelected=REQUEST["buttonSelected"],
                answeredHere=FLAG,
                issuedAt=MOMENT,
                endedAt=MOMENT,
            )
        )
    ),
    "Shown": _object(
        guid=GUID,
        state=REQUEST["state"],
        expiresAt=MOMENT,
        display={"type": "string", "description": "The display document's text."},
    ),
    "Answered": _object(guid=GUID, state=REQUEST["state"], approved=FLAG, receipt=_maybe(TEXT)),
    "Endorsed": _object(
        endorsed={
            "type": "object",
            "additionalProperties": TEXT,
            "description": "Endorsed key sets, by the `kid` of the key that signed each.",
        }
    ),
    "Device": _object("language", **DEVICE),
    "Status": _object(
        *BRAND,
        *("webPushKey", "verifiedName", "language", "languages"),
        **DEVICE,
        account=GUID,
        appSpace=GUID,
        appSpaceName=TEXT,
        **NAMES,
        webPushKey=TEXT,
        languages=LANGUAGES,
        **BRAND,
    ),
    "Logo": {"type": "string", "contentMediaType": PNG},
    "KeySet": KEY_SET,
    "Description": {"type": "object"},
}


def question_schema(buttons_limit: int) -> Schema:
    """Return the schema of what an origin asks, where it may have *buttons_limit* buttons."""
    question = SCHEMAS["Question"]
    buttons, nothing = question["properties"]["buttons"]["anyOf"]
    limited = {"anyOf": [buttons | {"maxItems": buttons_limit}, nothing]}
    return question | {"properties": question["properties"] | {"buttons": limited}}
