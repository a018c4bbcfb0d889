// Writes settings.json of a trial: one client that polls, and one person.
//   node settings.mjs http://127.0.0.1:8787
// host.json is the origin as `counterseal admin origin --out` wrote it, and jwks.json has the
// service's keys.

import { readFileSync, writeFileSync } from "node:fs";
import { exportJWK, generateKeyPair } from "jose";

const { requestOriginGuid: origin, key } = JSON.parse(readFileSync("host.json", "utf-8"));
const jwks = JSON.parse(readFileSync("jwks.json", "utf-8"));
const { privateKey } = await generateKeyPair("ES256", { extractable: true });
const own = { ...(await exportJWK(privateKey)), kid: "host-1", alg: "ES256", use: "sig" };
const client = {
  client_id: "desk",
  client_name: "Front desk",
  client_secret: "change-me-change-me",
  grant_types: ["urn:openid:params:grant-type:ciba"],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: "ES256",
  backchannel_token_delivery_mode: "poll",
  authorization_details_types: ["urn:counterseal:action"],
};
const settings = {
  issuer: "http://127.0.0.1:3000",
  api: "https://api.example.com",
  jwks: { keys: [own] },
  clients: [client],
  accounts: { "zoe@example.org": "user-42" },
  counterseal: { url: process.argv[2], origin, key, jwks },
};
writeFileSync("settings.json", JSON.stringify(settings), { mode: 0o600 });
