// The admin calls of C-ue (github.com/UnitedEffects/ueauth, 2022 to 2024), written anew: the same
// methods, paths, members and headers, in the same order, as its
// src/api/plugins/challenge/privakey/initApi.js sends them (commit ef097bbf). After that commit, the
// passkey domain has `callbackType` 2 and is a web origin.

import { createHmac } from "node:crypto";

import axios from "axios";

/** The calls at `base`, signed with CX1; `host` is where the platform's own API answers. */
export function administration({ base, superId, superKey, host }) {
  const companies = `${base}/admin/api/companies`;

  function signature(url, body) {
    const time = Date.now();
    const text = `POST${url}${time}${superId}${body}`;
    const mac = createHmac("sha256", superKey).update(text).digest("base64");
    return `CX1-HMAC-SHA256,${superId}/${time},${mac}`;
  }

  function post(url, data) {
    const authorization = signature(url, JSON.stringify(data));
    const headers = { "Content-Type": "application/json", authorization };
    return axios({ url, method: "POST", headers, data });
  }

  const guidOf = ({ headers }) => headers.location.split("/").pop();
  const create = async (url, data) => guidOf(await post(url, data));

  return {
    /** A company, its App Space and an origin; `url` of the brand is left out without a logo. */
    async createTenant(name, { logo } = {}) {
      const company = await create(`${companies}/new`, { name: `TEST ${name}` });
      const spaces = `${companies}/${company}/appSpaces`;
      const appSpace = await create(`${spaces}/new`, {
        idpType: "simple",
        name,
        brandInfo: { url: logo, color: "#F0B700" },
        useUniversalApp: true,
      });
      const origins = `${spaces}/${appSpace}/requestOrigins`;
      const guid = await create(`${origins}/new`, { name: "g-1_origin" });
      return { guid, url: `${origins}/${guid}` };
    },
    async createKey({ url }, keyType) {
      return (await post(`${url}/keyManagement`, { keyType })).data.key;
    },
    addCallback: ({ url }) =>
      create(`${url}/callbacks/new`, { callbackUrl: `${host}/api/{*}/mfa/callback` }),
    /** `domain`: its web origin, `https://HOST`, or `http://localhost:PORT` of a developer. */
    addPasskeyDomain: ({ url }, domain) =>
      create(`${url}/callbacks/new`, { callbackUrl: domain, callbackType: 2 }),
  };
}
