// Log-ins at a real provider: addresses go out, and those to which the browser came back come in.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { deviceOnlyKeys, memoryStore, Wallet } from "../device/index.js";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const read = async () => JSON.parse((await lines.next()).value);
const write = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);
const codeOf = (promise) => promise.then(() => "done", ({ code, problem }) => problem ?? code);

const { url, appSpace, redirectUri } = await read();
const wallet = new Wallet({ store: memoryStore(), strongKeys: [deviceOnlyKeys()] });

// The program of the README, and what it needs of a browser.
const readme = readFileSync(new URL("../device/README.md", import.meta.url), "utf-8");
const [, program] = /```js\n(async function openLogin.*?)```/s.exec(readme);
const module = `${program}\nexport { comeBack, openLogin };`;
const { comeBack, openLogin } = await import(`data:text/javascript,${encodeURIComponent(module)}`);
const items = new Map();
let offered;
globalThis.chooseLost = async (devices) => {
  offered = devices;
  return undefined;
};
globalThis.sessionStorage = {
  getItem: (name) => items.get(name) ?? null,
  setItem: (name, text) => items.set(name, text),
  removeItem: (name) => items.delete(name),
};
const at = redirectUri.indexOf("/");
globalThis.location = {
  origin: redirectUri.slice(0, at),
  pathname: redirectUri.slice(at),
  assign(address) {
    this.href = address;
  },
};

await openLogin(wallet, { url, appSpace });
const { login } = JSON.parse(items.get("login"));
const other = await wallet.startLogin({ url, appSpace, redirectUri });
const forbidden = wallet.startLogin({ url, appSpace, redirectUri: "https://evil.example/" });
write({ login, opened: globalThis.location.href, forbidden: await codeOf(forbidden) });

const { returned } = await read();
const finish = (more) => wallet.finishLogin({ url, login, returned, ...more });
const refused = {
  other: await codeOf(finish({ login: other })),
  noCode: await codeOf(finish({ returned: returned.replace("code=", "error=") })),
};
globalThis.location.href = returned;
const account = await comeBack(wallet);
refused.again = await codeOf(finish());
refused.stolen = await codeOf(finish({ login: { ...login, secret: other.secret } }));
const { state } = await account.status();
write({ refused, state, appSpaceName: account.appSpaceName, offered });

await read(); // the person has logged out
const error = await account.pending().catch((each) => each);
write({ problem: error.problem, reason: error.reason, state: account.state });

// A log-in of the same person binds a new device, and the old one works again.
const again = await wallet.startLogin({ url, appSpace, redirectUri });
write({ login: again });
const { returned: second } = await read();
const lostPhone = await wallet.finishLogin({ url, login: again, returned: second });
const tablet = await wallet.bind({ url, link: lostPhone.link, name: "A tablet" });
await account.pending();
write({ state: account.state });

// A third device takes the place of the first one, and of no device that the person has not.
const third = await wallet.startLogin({ url, appSpace, redirectUri });
write({ login: third });
const { returned: last } = await read();
const { link, devices } = await wallet.finishLogin({ url, login: third, returned: last });
const absent = await codeOf(wallet.bind({ url, link, replaces: account.account }));
const phone = await wallet.bind({ url, link, replaces: account.device });
const lost = await account.pending().catch((each) => each);
write({
  known: devices.map(({ device, name }) => [[account, tablet].findIndex((each) => each.device === device), name]),
  dated: devices.every(({ boundAt }) => !Number.isNaN(Date.parse(boundAt))),
  absent,
  lost: { reason: lost.reason, state: account.state },
  others: [(await tablet.status()).state, (await phone.status()).state],
  namesake: await codeOf(wallet.bind({ url, link, replaces: tablet.device })),
});
process.exit();
