"""
A fake of Keycloak over HTTP: what its CIBA endpoints and its authentication channel do.

It was read from https://github.com/keycloak/keycloak; each behaviour names its source below
`services/src/main/java/org/keycloak/protocol/oidc/grants/ciba`. Nothing of it was run against
Keycloak.
"""

import http.client
import json
import re
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qsl, urlsplit

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

REALM = "shop"
KID = "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE"
EXPIRES_IN = 120
"""`CibaConfig.DEFAULT_CIBA_POLICY_EXPIRES_IN`; the realm's policy may say something else."""

INTERVAL = 5

SUB = "0c7a4ae5-6b5c-4f9a-9d0e-55d0a5a9f0f1"
"""The id of the user `zoe`; her account has it, and not her name."""

SECOND = timedelta(seconds=1)

# endpoints/BackchannelAuthenticationEndpoint.java, BINDING_MESSAGE_VALIDATION
BINDING_MESSAGE = re.compile(r"[a-zA-Z0-9-._+/!?#]{1,50}")

# endpoints/request/BackchannelAuthenticationEndpointRequestParser.java: KNOWN_REQ_PARAMS, and the
# limits of all others
KNOWN_PARAMETERS = frozenset(
    {
        *("request", "request_uri", "scope", "client_notification_token", "acr_values"),
        *("login_hint_token", "id_token_hint", "login_hint", "binding_message", "user_code"),
        *("requested_expiry", "prompt", "nonce", "max_age", "ui_locales", "claims"),
        *("client_id", "client_secret"),
    }
)
PARAMETERS_LIMIT = 5
PARAMETER_LIMIT = 200

STATUSES = ("SUCCEED", "UNAUTHORIZED", "CANCELLED")
"""`channel/AuthenticationChannelResponse.java`"""

EXT = f"/realms/{REALM}/protocol/openid-connect/ext/ciba/auth"
"""`endpoints/CibaRootEndpoint.java`: `/auth` and `/auth/callback` of the extension `ciba`."""

TIMEOUT = 240

KEY = rsa.generate_private_key(65537, 2048)


class KeycloakError(Exception):
    """What Keycloak answers: `services/ErrorResponseException.java`."""

    def __init__(self, status, error, description=""):
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_description": description}


@attrs.define
class Pending:
    """
    A request as Keycloak stores it, an OAuth2DeviceCodeModel.

    Attributes:
        state: `pending`, `approved` or `denied`.
        notes: The client notes of the session, from the callback.
    """

    auth_req_id: str
    client: str
    expires_at: int
    notification_token: str | None
    state: str = "pending"
    notes: dict = attrs.field(factory=dict)


class FakeKeycloak:
    """
    One realm of a Keycloak, over HTTP on this machine.

    Args:
        now: Returns the time, in seconds.

    Attributes:
        users: The users by their names; the value is the id, which tokens have as `sub`.
        clients: The clients by their ids, each with its notification endpoint if it is pinged.
        consent: The clients that need the users' consent.
        channel: The URI of the channel, as Keycloak's option says.
        statuses: The status of each request to the channel, in order.
        callbacks: The body and the status of each callback, in order.
        pending: The stored requests, by the `jti` of their bearer.
    """

    def __init__(self, now):
        self.now = now
        self.users = {}
        self.clients = {}
        self.consent = set()
        self.channel = None
        self.statuses = []
        self.callbacks = []
        self.pending = {}
        self.bearers = []
        self.bodies = []
        self.answer_late = threading.Event()
        self.answer_late.set()
        self._numbers = count(1)
        self._key = KEY
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def issuer(self):
        """`Urls.realmIssuer`"""
        return f"{self.url}/realms/{REALM}"

    @property
    def callback(self):
        return f"{self.url}{EXT}/callback"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def jwks(self):
        """`protocol/oidc/OIDCLoginProtocolService.java`: keys for signatures and for encryption."""
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        sign = {name: public[name] for name in ("kty", "n", "e")} | {"x5c": ["MIIC"], "x5t": "x"}
        return {
            "keys": [
                sign | {"kid": "encryption", "use": "enc", "alg": "RSA-OAEP"},
                sign | {"kid": KID, "use": "sig", "alg": "RS256"},
            ]
        }

    # What clients call

    def authenticate(self, client="web-shop", **form):
        """
        Return status and body of a backchannel authentication request.

        `endpoints/BackchannelAuthenticationEndpoint.java`, `authorizeClient` and
        `processGrantRequest`.
        """
        parameters = {"scope": "openid", "login_hint": "zoe"} | form
        given_parameters = {name: text for name, text in parameters.items() if text is not None}
        try:
            return 200, self._process(client, given_parameters)
        except KeycloakError as error:
            return error.status, error.body

    def _process(self, client, form):
        # resolveUser, with the user hint `login_hint`, the only one whose resolver is shipped
        if "login_hint" not in form:
            raise KeycloakError(400, "invalid_request", "missing parameter : login_hint")
        user = form["login_hint"]
        if user not in self.users:
            raise KeycloakError(400, "invalid_request", "invalid user")
        if "scope" not in form:
            raise KeycloakError(400, "invalid_request", "missing parameter : scope")
        message = form.get("binding_message")
        # validateBindingMessage
        if message is not None and not BINDING_MESSAGE.fullmatch(message):
            raise KeycloakError(400, "invalid_binding_message")
        token = form.get("client_notification_token")
        pinged = self.clients[client] is not None
        if (token is not None) != pinged:
            raise KeycloakError(400, "invalid_request", "Client Notification token")
        if "user_code" in form:
            raise KeycloakError(400, "invalid_request", "User code not supported")
        # `requested_expiry` moves the `exp` of the bearer; what is stored, and what the client is
        # told, is the policy's expiry all the same.
        issued_at = int(self.now())
        expires_at = issued_at + int(form.get("requested_expiry", EXPIRES_IN))
        jti = f"auth-result-{next(self._numbers)}"
        bearer = self.bearer(
            jti=jti, sub=self.users[user], azp=client, iat=issued_at, exp=expires_at
        )
        body = {
            "binding_message": message,
            # resolvers/DefaultCIBALoginUserResolver.java, getInfoUsedByAuthentication: the name,
            # whatever the hint was
            "login_hint": user,
            "is_consent_required": client in self.consent,
            "acr_values": form.get("acr_values"),
            "scope": form["scope"],
        }
        # channel/AuthenticationChannelRequest.java, @JsonAnyGetter: flattened in
        body |= additional_parameters(form)
        status = self.post_to_channel(body, bearer)
        # channel/HttpAuthenticationChannelProvider.java: 201 and nothing else is a success
        if status != 201:
            raise KeycloakError(
                503, "server_error", "Unexpected response from authentication device"
            )
        # storeAuthenticationRequest comes after the channel has answered
        request_id = f"auth-req-{jti}"
        self.pending[jti] = Pending(
            auth_req_id=request_id,
            client=client,
            expires_at=issued_at + EXPIRES_IN,
            notification_token=token,
        )
        return {"auth_req_id": request_id, "expires_in": EXPIRES_IN, "interval": INTERVAL}

    def bearer(self, *, key=None, algorithm="RS256", kid=KID, **changes):
        """
        Return a bearer token.

        `channel/HttpAuthenticationChannelProvider.java`, createBearerToken; its header is that of
        `JWSBuilder`: `alg`, `typ` and `kid`.
        """
        claims = {
            "exp": int(self.now()) + EXPIRES_IN,
            "iat": int(self.now()),
            "jti": f"auth-result-{next(self._numbers)}",
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": "user-1",
            "typ": "Bearer",
            "azp": "web-shop",
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        headers = {"kid": kid} if kid is not None else {}
        return jwt.encode(
            claims, self._key if key is None else key, algorithm=algorithm, headers=headers
        )

    def post_to_channel(self, body, bearer):
        """Return the status of a request to the channel; an IOException is a `server_error`."""
        self.bearers.append(bearer)
        self.bodies.append(body)
        parts = urlsplit(self.channel)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
        try:
            connection.request("POST", parts.path, json.dumps(body), headers)
            response = connection.getresponse()
            self.content = response.read()
        except OSError:
            raise KeycloakError(
                503, "server_error", "Failed to send authentication request"
            ) from None
        finally:
            connection.close()
        self.statuses.append(response.status)
        return response.status

    def poll(self, auth_req_id):
        """
        Return the error of a token request; None if the client gets its tokens.

        `CibaGrantType.java`, process.
        """
        stored = [one for one in self.pending.values() if one.auth_req_id == auth_req_id]
        if not stored:
            return "invalid_grant"
        (request,) = stored
        if self.now() >= request.expires_at:
            return "expired_token"
        return {"pending": "authorization_pending", "denied": "access_denied"}.get(request.state)

    # What the authentication device calls

    def called_back(self, authorization, content):
        """
        Return the status of a callback.

        `endpoints/BackchannelAuthenticationCallbackEndpoint.java`,
        processAuthenticationChannelResult and verifyAuthenticationRequest.
        """
        try:
            response = json.loads(content)
            self._call_back(self._verify(authorization), response)
        except ValueError:
            return 400
        except KeycloakError as error:
            return error.status
        return 200

    def _verify(self, authorization):
        """Return the `jti` of the bearer of a request that is pending."""
        if not authorization.startswith("Bearer "):
            raise KeycloakError(401, "invalid_token")
        try:
            claims = jwt.decode(
                authorization.removeprefix("Bearer "),
                self._key.public_key(),
                algorithms=["RS256"],
                audience=self.issuer,
                issuer=self.issuer,
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise KeycloakError(403, "invalid_token") from None
        jti = claims["jti"]
        # checkActive
        if claims["exp"] <= self.now() or jti not in self.pending:
            raise KeycloakError(403, "invalid_token")
        # A request that is not pending is removed: cancelRequest.
        if self.pending[jti].state != "pending":
            del self.pending[jti]
            raise KeycloakError(403, "invalid_token")
        if claims["azp"] not in self.clients or self.pending[jti].client != claims["azp"]:
            raise KeycloakError(400, "invalid_request", "Token recipient mismatch")
        return jti

    def _call_back(self, jti, response):
        # Jackson knows no other member of the enumeration, and the others are texts.
        request, status = self.pending[jti], response.pop("status", None)
        if status not in STATUSES or not all(isinstance(each, str) for each in response.values()):
            raise KeycloakError(400, "invalid_request", "Invalid authentication status")
        if status == "SUCCEED":
            # `CibaGrantType.ADDITIONAL_CALLBACK_PARAMS_PREFIX`
            request.notes = {
                f"ciba_callback_response_param_{name}": text for name, text in response.items()
            }
        request.state = "approved" if status == "SUCCEED" else "denied"
        # sendClientNotificationRequest, inside of the callback: a dead client makes it a 400.
        endpoint = self.clients[request.client]
        if endpoint is not None and not endpoint(request):
            raise KeycloakError(400, "invalid_request", "Failed to send request")


def additional_parameters(form):
    """
    Return the parameters that a client adds, as far as Keycloak passes them on.

    `endpoints/request/BackchannelAuthenticationEndpointRequestParser.java`,
    extractAdditionalReqParams: five at most, and a value that is blank or has more than 200
    characters is dropped without a word.
    """
    passed = {}
    for name, text in form.items():
        if name in KNOWN_PARAMETERS or not text.strip() or len(text) > PARAMETER_LIMIT:
            continue
        if len(passed) >= PARAMETERS_LIMIT:
            break
        passed[name] = text
    return passed


def _handler(keycloak):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.path == f"{EXT}/callback":
                status = keycloak.called_back(self.headers.get("authorization", ""), content)
                keycloak.callbacks.append((json.loads(content), status))
                keycloak.answer_late.wait(TIMEOUT)
                self._answer(status, {})
            elif self.path == EXT:
                form = dict(parse_qsl(content.decode()))
                self._answer(*keycloak.authenticate(form.pop("client_id"), **form))
            else:
                self._answer(404, {})

        def _answer(self, status, body):
            content = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # the caller has given up

        def log_message(self, *_):
            pass

    return Handler
