// A wallet in a browser: keys in IndexedDB, each kind of strong key, and what a reload leaves.

import { deviceOnlyKeys, indexedDbStore, passkeys, pinKeys, Wallet } from "../../device/index.js";
import { FakeService, NAMES, URL_OF_SERVICE } from "../../device/test/fake_service.js";

const strongKeys = () => [
  deviceOnlyKeys({ algorithm: "EdDSA" }),
  pinKeys({ askPin: async () => "1379" }),
  passkeys({ rpName: "Bank" }),
];

async function open(service, name) {
  const store = await indexedDbStore({ name });
  return { store, wallet: new Wallet({ store, strongKeys: strongKeys(), ...service.world }) };
}

async function press(account, button) {
  const [request] = await account.pending();
  const outcome = await account.answer(await account.show(request.guid), { button });
  const { role, key, backupEligible } = outcome.receipt;
  return { approved: outcome.approved, role, alg: key.alg, backupEligible };
}

/** Bind, answer, open again and answer once more, with a strong key of *kind*. */
export async function tryKind(kind) {
  const service = await FakeService.make();
  const first = await open(service, kind);
  const account = await first.wallet.bind({
    url: URL_OF_SERVICE,
    link: `counterseal://bind?st=${service.token}&appSpaceGuid=${NAMES.appSpace}&appSpaceName=Bank`,
    strongKey: kind,
  });
  const approved = await press(account, 0);
  service.reopen();

  const second = await open(service, kind);
  const [reopened] = await second.wallet.accounts();
  const again = await press(reopened, 0);
  await reopened.rotate({ roles: ["device"] });
  const [{ record }] = await second.store.list("accounts");
  const exported = await crypto.subtle.exportKey("pkcs8", record.deviceKey.key).then(
    () => "exported",
    (error) => error.name,
  );
  const history = await reopened.history();
  await second.wallet.forget(reopened.device);
  const left = await second.store.list("accounts");
  return { approved, again, exported, history: history.length, left: left.length };
}

/** Answer with a passkey whose authenticator does not verify the person. */
export async function tryUnverified() {
  const service = await FakeService.make();
  const { wallet } = await open(service, "unverified");
  const link = `counterseal://bind?st=${service.token}&appSpaceGuid=${NAMES.appSpace}&appSpaceName=Bank`;
  return wallet.bind({ url: URL_OF_SERVICE, link, strongKey: "passkey" }).then(
    () => "bound",
    (error) => error.code,
  );
}
