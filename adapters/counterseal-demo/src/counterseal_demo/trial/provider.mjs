// A real OpenID Connect provider on loopback, for tests and demos: npm's oidc-provider, which is certified.
//
// The argument is the path of that module. The first line of the input has clients and keys, as JSON;
// the first line of the output is the URL. POST /control changes keys, disables users and logs them
// out.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { default: Provider } = await import(pathToFileURL(process.argv[2]).href);
const input = createInterface({ input: process.stdin });
const options = JSON.parse((await input[Symbol.asyncIterator]().next()).value);
let port;
let jwks = options.jwks ?? newKeys();
const disabled = new Set();
const counts = {};
let down = false;
let logoutTokens = [];
let callback;
let provider;

const users = {
  zoe: { email: "zoe@idp.example", email_verified: true, preferred_username: "zoe",
         employee_id: "e-1001" },
  adam: { email: "adam@idp.example", email_verified: false, preferred_username: "zoe@idp.example",
          employee_id: "zoe" },
};

function newKeys() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { keys: [{ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig" }] };
}

// All providers that `build` makes share it, so that a change of keys logs nobody out.
const stored = new Map();
class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) {
    stored.set(this.key(id), payload);
    if (payload.uid) stored.set(`uid:${this.model}:${payload.uid}`, id);
  }
  async find(id) { return stored.get(this.key(id)); }
  async findByUid(uid) { return this.find(stored.get(`uid:${this.model}:${uid}`)); }
  async findByUserCode() { return undefined; }
  async consume(id) { this.find(id).then((it) => { it.consumed = Math.floor(Date.now() / 1000); }); }
  async destroy(id) { stored.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
}
function build() {
  provider = new Provider(`http://127.0.0.1:${port}`, {
    adapter: Memory,
    clients: options.clients,
    jwks,
    cookies: { keys: [randomUUID()] },
    conformIdTokenClaims: true,
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["preferred_username", "employee_id"],
    },
    scopes: ["openid", "offline_access", "email", "profile"],
    findAccount: (_, id) =>
      users[id] && !disabled.has(id)
        ? { accountId: id, claims: () => ({ sub: id, ...users[id] }) }
        : undefined,
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    enabledJWA: {
      idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519", "HS256"],
      clientAuthSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA", "Ed25519", "HS256"],
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    // Its guard keeps it from loopback, which is where its clients are here.
    fetch: (url, { dispatcher, ...rest }) => fetch(url, rest),
    ttl: { AccessToken: 3600, IdToken: 600, RefreshToken: 86400, Grant: 86400, Session: 86400,
           Interaction: 600, AuthorizationCode: 60 },
  });
  provider.on("server_error", (_, error) => console.error(error));
  callback = provider.callback();
}

async function control(changes) {
  if ("jwks" in changes) { jwks = changes.jwks ?? newKeys(); build(); }
  if ("disable" in changes) disabled.add(changes.disable);
  if ("enable" in changes) disabled.delete(changes.enable);
  if ("down" in changes) down = changes.down;
  if ("forget" in changes) for (const name of Object.keys(counts)) delete counts[name];
  if ("logout" in changes) {
    // What the provider sends to a client when this user logs out.
    const client = await provider.Client.find(changes.client);
    logoutTokens = [];
    client.backchannelLogoutSessionRequired = changes.sid != null;
    await client.backchannelLogout(changes.logout, changes.sid).catch((error) => logoutTokens.push(`${error}`));
  }
  return { counts, logoutTokens };
}

const server = createServer(async (request, response) => {
  const path = request.url.split("?")[0];
  let body = "";
  if (path === "/control" || path === "/logout-token") {
    for await (const part of request) body += part;
  }
  if (path === "/logout-token") {
    // The client's endpoint for logout tokens; it is here so that tests need no second server.
    logoutTokens.push(new URLSearchParams(body).get("logout_token"));
    response.writeHead(200).end();
    return;
  }
  if (path === "/control") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(await control(JSON.parse(body))));
    return;
  }
  counts[path] = (counts[path] ?? 0) + 1;
  if (down) { response.writeHead(503).end(); return; }
  callback(request, response);
});

server.listen(port ?? 0, "127.0.0.1", () => {
  port = server.address().port;
  for (const client of options.clients) {
    if (client.backchannel_logout_uri === "here") {
      client.backchannel_logout_uri = `http://127.0.0.1:${port}/logout-token`;
    }
  }
  build();
  console.log(`http://127.0.0.1:${port}`);
});
input.on("close", () => process.exit(0)); // the process that started it has ended
