// Two tabs with one wallet in IndexedDB, and one service, which the first tab has.

import { deviceOnlyKeys, indexedDbStore, Wallet } from "../../device/index.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "../../device/test/fake_service.js";

const open = async () => {
  const store = await indexedDbStore({ name: "tabs" });
  const { world } = window.service;
  return new Wallet({ store, strongKeys: [deviceOnlyKeys()], ...world, locks: undefined });
};

/** In the first tab: make the service, and bind. */
export async function bind() {
  window.service = await FakeService.make();
  const wallet = await open();
  const { token } = window.service;
  const link = `counterseal://bind?st=${token}&appSpaceGuid=${NAMES.appSpace}&appSpaceName=Bank`;
  window.account = await wallet.bind({ url: URL_OF_SERVICE, link });
}

/** In the second tab: open the same wallet, and show its request. */
export async function join() {
  window.service = window.opener.service;
  [window.account] = await (await open()).accounts();
}

/** Replace the keys, and hold the reply. */
export async function holdRotation() {
  const { promise: sent, resolve: noticed } = Promise.withResolvers();
  const { promise: released, resolve } = Promise.withResolvers();
  window.released = resolve;
  window.service.script = [
    (reply) => {
      noticed();
      return released.then(() => reply);
    },
  ];
  window.rotated = window.account.rotate();
  await sent;
}

export async function release() {
  window.released();
  await window.rotated;
}

async function stored() {
  const [{ record }] = await (await indexedDbStore({ name: "tabs" })).list("accounts");
  return { name: record.name, rotations: record.rotations };
}

const actions = {
  async rotate() {
    await window.account.rotate();
    return stored();
  },
  async rename() {
    await window.account.rename("The phone");
    return stored();
  },
  answer: press,
};

/** Begin an action, and return. */
export function begin(name) {
  window.ending = actions[name]().catch(({ code, message }) => ({ code: code ?? message }));
}

/** Return once this wallet waits for a lock. */
export async function whenQueued() {
  for (;;) {
    const { pending } = await navigator.locks.query();
    if (pending.length > 0) return;
  }
}

export const ended = () => window.ending;

/** Approve the request, anew where it was answered before. */
export async function press() {
  window.service.reopen();
  const [request] = await window.account.pending();
  const shown = await window.account.show(request.guid);
  const { approved } = await window.account.answer(shown, { button: 0 });
  const [account] = await (await open()).accounts();
  return window.opener ? { approved } : { approved, name: account.name };
}
