// Counterseal as the authentication device of oidc-provider, a host of CIBA.

import {
  NotApproved,
  PendingRequest,
  requireApproved,
  RequestRefused,
  strongKey,
  Unanswered,
  Unavailable,
  Unfit,
  Unreachable,
} from "@counterseal/origin";
import { errors } from "oidc-provider";

export const ACTION_TYPE = "urn:counterseal:action";
export const ACR = "urn:counterseal:acr:strong";
const MESSAGE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,100}$/u;
const MARGIN = 1; // seconds: the person's time ends before the host's, which counts whole ones
const GRACE = 10; // seconds: for the service to expire a request, and for the two clocks

export class AuthenticationDevice {
  #settings;

  // client: of the origin that the host is; trust: the service's pinned keys.
  // accountIdOf: returns the account id of a login hint, or undefined.
  // pending, receipts: tables of your database; `delete` says whether it deleted.
  // alarm: is called with what proves nothing, or failed.
  constructor({ client, trust, accountIdOf, pending = new Map(), receipts = new Map(), alarm }) {
    this.#settings = { client, trust, accountIdOf, pending, receipts, alarm };
  }

  // Configure
  get features() {
    const refuse = (name) => (_ctx, ...values) => {
      if (values.at(-1) !== undefined) throw new errors.InvalidRequest(`${name} is not supported`);
    };
    return {
      ciba: {
        enabled: true,
        deliveryModes: ["poll", "ping"],
        processLoginHint: (_ctx, hint) => this.#settings.accountIdOf(hint),
        processLoginHintToken: refuse("login_hint_token"),
        validateBindingMessage: (_ctx, message) => validateBindingMessage(message),
        validateRequestContext: refuse("request_context"),
        verifyUserCode: refuse("user_code"), // the person's own device demands the PIN
        triggerAuthenticationDevice: (...request) => this.#ask(...request),
      },
      richAuthorizationRequests: {
        enabled: true,
        types: { [ACTION_TYPE]: { validate: validateDetails } },
        authorizationDetailsForGrantSource: () => undefined, // of other grants than CIBA
        authorizationDetailsForAccessToken: (_ctx, _token, source) => source.rar,
        authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
      },
    };
  }

  // Ask
  async #ask(ctx, request, account, client) {
    const { pending: table, client: counterseal } = this.#settings;
    const duration = request.expiration - MARGIN;
    if (duration < 1) throw new errors.InvalidRequest("requested_expiry is too short");
    let pending;
    try {
      const action = actionOf(request.params, client);
      pending = await counterseal.ask(account.accountId, { action }, { duration });
    } catch (error) {
      throw refusalOf(error, request.params); // the client gets no auth_req_id
    }
    await table.set(pending.guid, { pending: pending.dump(), request: request.jti });
    this.settle(ctx.oidc.provider, pending.guid).catch(this.#settings.alarm);
  }

  // Settle: at most once, so that a failure between the two leaves the request to expire
  async settle(provider, guid) {
    const entry = await this.#settings.pending.get(guid);
    if (entry === undefined) return;
    const pending = PendingRequest.load(entry.pending);
    const outcome = await this.#outcomeOf(pending);
    if (!(await this.#settings.pending.delete(guid))) return; // another process settles it
    const request = await provider.BackchannelAuthenticationRequest.find(entry.request);
    if (!request || request.isExpired) return; // the client gets expired_token
    if (outcome instanceof Error) return provider.backchannelResult(request, outcome);
    const grant = await this.#grantOf(provider, request, outcome);
    return provider.backchannelResult(request, grant, {
      acr: ACR,
      amr: ["pop"], // OpenID EAP: a key of the device has signed
      authTime: Math.floor(Date.parse(outcome.at) / 1000),
      rar: request.params.authorization_details && (await grantedDetails(pending)),
    });
  }

  async #outcomeOf(pending) {
    const { client, trust, alarm } = this.#settings;
    const remaining = Math.max(0, Date.parse(pending.expiresAt) - Date.now());
    const timeoutSeconds = remaining / 1000 + GRACE;
    try {
      const reply = await client.wait(pending, { timeoutSeconds });
      return await requireApproved(reply, pending, trust, { requirements: [strongKey()] });
    } catch (error) {
      if (error instanceof Unanswered && error.state === "EXPIRED") return new errors.ExpiredToken();
      if (!(error instanceof NotApproved)) alarm(error); // nothing is proven
      return new errors.AccessDenied();
    }
  }

  async #grantOf(provider, { accountId, clientId, resource, scope }, approval) {
    const grant = new provider.Grant({ accountId, clientId });
    grant.addOIDCScope(scope);
    for (const each of [resource ?? []].flat()) grant.addResourceScope(each, scope);
    await this.#settings.receipts.set(await grant.save(), approval.receipt);
    return grant;
  }

  // Use: once, for the arguments that are about to be executed
  async consume(accessToken, args) {
    const [details] = accessToken?.rar ?? [];
    if (details?.type !== ACTION_TYPE) throw new errors.InvalidToken("not for an action");
    return this.#settings.client.consume(details.request, args);
  }
}

// Validate
function validateBindingMessage(message) {
  if (message !== undefined && !MESSAGE.test(message)) {
    throw new errors.InvalidBindingMessage("not 1 to 100 characters that can be seen");
  }
}

function validateDetails(ctx, { type, action, ...unknown }) {
  const { route, params } = ctx.oidc;
  const problems = {
    "only in a backchannel authentication request": route !== "backchannel_authentication",
    "more than one": JSON.parse(params.authorization_details).length > 1,
    "other members than type and action": Object.keys(unknown).length > 0,
    "action: not an object": action === null || typeof action !== "object",
    "action.agent: the host names the client": Object.hasOwn(action ?? {}, "agent"),
    "action.purpose: not beside a binding_message":
      params.binding_message !== undefined && Object.hasOwn(action ?? {}, "purpose"),
  };
  for (const [problem, applies] of Object.entries(problems)) {
    if (applies) throw new errors.InvalidAuthorizationDetails(`${type}: ${problem}`);
  }
}

// Translate
function actionOf({ authorization_details: details, binding_message: purpose }, client) {
  const name = client.clientName ?? client.clientId;
  const message = purpose === undefined ? {} : { purpose };
  if (details !== undefined) return { ...JSON.parse(details)[0].action, ...message, agent: name };
  return { type: "login", resource: name, arguments: {}, ...message };
}

async function grantedDetails(pending) {
  const { guid: request, action, validUntil } = pending;
  return [{ type: ACTION_TYPE, action, request, validUntil, digest: await pending.actionDigest() }];
}

function refusalOf(error, { authorization_details: details }) {
  if (error instanceof Unreachable) return new errors.UnknownUserId("no device to ask");
  const named = error instanceof RequestRefused ? (error.field ?? error.problem) : error.message;
  if (details !== undefined && (error instanceof Unfit || named.startsWith("action"))) {
    return new errors.InvalidAuthorizationDetails(named);
  }
  const isBusy = error instanceof Unavailable || error.status === 429;
  return isBusy ? new errors.TemporarilyUnavailable("nobody was asked") : error;
}
