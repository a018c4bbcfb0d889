// Log-ins at a real provider: addresses go out, and those to which the browser came back come in.

import { createInterface } from "node:readline";

import { deviceOnlyKeys, memoryStore, Wallet } from "../device/index.js";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);
const codeOf = (promise) => promise.then(() => "done", ({ code, problem }) => problem ?? code);

const { url, appSpace, redirectUri } = await read();
const wallet = new Wallet({ store: memoryStore(), strongKeys: [deviceOnlyKeys()] });
const login = await wallet.startLogin({ url, appSpace, redirectUri });
const other = await wallet.startLogin({ url, appSpace, redirectUri });
const forbidden = wallet.startLogin({ url, appSpace, redirectUri: "https://evil.example/" });
write({ login, forbidden: await codeOf(forbidden) });

const { returned } = await read();
const finish = (more) => wallet.finishLogin({ url, login, returned, ...more });
const refused = {
  other: await codeOf(finish({ login: other })),
  noCode: await codeOf(finish({ returned: returned.replace("code=", "error=") })),
};
const kept = JSON.parse(JSON.stringify(login)); // as a page keeps it while the person is away
const token = await finish({ login: kept });
refused.again = await codeOf(finish());
refused.stolen = await codeOf(finish({ login: { ...login, secret: other.secret } }));
const account = await wallet.bind({ url, link: token, name: "A phone" });
const { state } = await account.status();
write({ refused, state, appSpaceName: account.appSpaceName });

await read(); // the person has logged out
const error = await account.pending().catch((each) => each);
write({ problem: error.problem, reason: error.reason, state: account.state });

// A log-in of the same person binds a new device, and the old one works again.
const again = await wallet.startLogin({ url, appSpace, redirectUri });
write({ login: again });
const { returned: second } = await read();
await wallet.bind({ url, link: await wallet.finishLogin({ url, login: again, returned: second }) });
await account.pending();
write({ state: account.state });
process.exit();
