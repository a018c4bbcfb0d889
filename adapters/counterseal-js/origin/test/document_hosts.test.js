import assert from "node:assert/strict";
import { test } from "node:test";

import { Members } from "../../wire/members.js";
import { refuses } from "../../wire/test/refuses.js";
import { demandAllRead, readVectors } from "../../wire/test/vectors.js";
import { readWarnings } from "../pending.js";

const { addresses, asked, origins, replies, unreadable } = readVectors("document-hosts");

/** Returns the documents whose web origin is none of *listed*, by the URL Standard. */
const beyond = (urls, listed) => {
  const known = new Set(listed.map((text) => new URL(text).origin));
  return [...urls.entries()].filter(([, url]) => !known.has(new URL(url).origin));
};
const fieldOf = (index) => `action.arguments.documents[${index}].url`;

test("hosts of documents are as the URL Standard has them", () => {
  for (const { about, url, host } of addresses) assert.equal(new URL(url).host, host, about);
  for (const { about, origin } of origins) assert.equal(new URL(origin).origin, origin, about);
});

test("what is asked is refused, or leads to warnings", () => {
  for (const { about, documentHosts, appOrigins, urls, refused, warnings } of asked) {
    const [foreign] = documentHosts.length === 0 ? [] : beyond(urls, documentHosts);
    const expected = foreign && { code: "invalid_field", field: fieldOf(foreign[0]) };
    assert.deepEqual(refused, expected, about);
    if (refused) continue;
    const unfetched = appOrigins === null ? [] : beyond(urls, appOrigins);
    const read = unfetched.map(([index, url]) => {
      const { host } = new URL(url);
      return { code: "document_host", field: fieldOf(index), host };
    });
    assert.deepEqual(readWarnings(new Members({ warnings })), read, about);
  }
});

test("warnings of a reply", async () => {
  for (const { about, reply, read } of replies) {
    assert.deepEqual(readWarnings(new Members(reply)), read, about);
  }
  for (const { why, reply, code } of unreadable) {
    await refuses(() => readWarnings(new Members(reply)), code, why);
  }
});

test("every vector was read but those of lists, which origins do not check", (context) => {
  const lists = ["addresses", "asked", "origins", "replies", "unreadable"];
  demandAllRead({ "document-hosts": lists }, context);
});
