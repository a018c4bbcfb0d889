// A host of CIBA whose authentication device is Counterseal.
//   node oidc_provider.mjs settings.json

import { readFileSync } from "node:fs";
import { Client, Trust } from "@counterseal/origin";
import Provider from "oidc-provider";
import { ACR, AuthenticationDevice } from "./authentication_device.mjs";

const BODY_LIMIT = 65_536; // bytes; an action that a person can check is far shorter

const settings = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const { url, origin, key, jwks } = settings.counterseal;
const accounts = new Map(Object.entries(settings.accounts)); // login hint to account id

const device = new AuthenticationDevice({
  client: new Client({ url, origin, key }),
  trust: await Trust.jwks(jwks), // pinned: from the operator, not from a reply
  accountIdOf: (hint) => accounts.get(hint),
  alarm: (error) => console.error("alarm:", error.code ?? error.message),
});

const api = settings.api; // the resource server that executes actions
const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  jwks: settings.jwks, // the host's own keys
  acrValues: [ACR],
  claims: { openid: ["sub", "acr", "amr", "auth_time"] },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    ...device.features,
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => {
        if (resource !== api) throw new Error("another API");
        return { scope: "act", audience: api, accessTokenFormat: "opaque" };
      },
    },
  },
});

// The resource server sends the arguments here, and executes the action on 200 only.
provider.use(async (ctx, next) => {
  if (ctx.method !== "POST" || ctx.path !== "/consume") return next();
  try {
    const [, token] = /^Bearer (\S+)$/.exec(ctx.get("authorization")) ?? [];
    const found = await provider.AccessToken.find(token);
    const body = JSON.parse(await bodyOf(ctx.req));
    ctx.body = await device.consume(found, body.arguments);
  } catch (error) {
    ctx.status = error.status ?? 500;
    if (ctx.status === 413) ctx.set("Connection", "close"); // the rest is not read
    ctx.body = { error: error.code ?? error.error ?? "server_error" };
  }
});

async function bodyOf(request) {
  let body = Buffer.alloc(0);
  // The connection stays open, so that the client gets the status.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    body = Buffer.concat([body, chunk]);
    if (body.length > BODY_LIMIT) {
      throw Object.assign(new Error("a longer body"), { status: 413, code: "body_too_large" });
    }
  }
  return body.toString("utf-8");
}

const server = provider.listen(Number(new URL(settings.issuer).port), "127.0.0.1", () => {
  console.log("ready:", server.address().port);
});
