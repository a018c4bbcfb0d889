/** A device: binds, shows what is asked exactly as it signs it, answers, and keeps receipts. */

export { Account } from "./account.js";
export { PAYEE_LABELS, splitActionRows } from "./action_rows.js";
export { ATTACHMENT_LIMIT, fetchAttachment } from "./attachments.js";
export * from "./errors.js";
export { readHtml } from "./html.js";
export { passkeys } from "./passkeys.js";
export { indexedDbStore, memoryStore } from "./store.js";
export { deviceOnlyKeys, pinKeys } from "./strong_keys.js";
export { Wallet } from "./wallet.js";
export { REASONS } from "../wire/answer.js";
export { readLink } from "../wire/link.js";
export { verifyReceipt } from "../wire/receipt.js";

/** @typedef {import("./request_exchange.js").Outcome} Outcome */
/** @typedef {import("./answers.js").ShownAction} ShownAction */
/** @typedef {import("./answers.js").ShownRequest} ShownRequest */
/** @typedef {import("./html.js").HtmlText} HtmlText */
/** @typedef {import("./invitation.js").Invitation} Invitation */
/** @typedef {import("./login.js").Login} Login */
/** @typedef {import("./login.js").LoggedIn} LoggedIn */
/** @typedef {import("./login.js").OwnDevice} OwnDevice */
/**
 * @template Existing
 * @typedef {import("./lookalikes.js").Lookalike<Existing>} Lookalike
 */
/** @typedef {import("./new_devices.js").NewDevice} NewDevice */
/** @typedef {import("./records.js").ChallengeState} ChallengeState */
/** @typedef {import("./records.js").DeviceState} DeviceState */
/** @typedef {import("./records.js").DeviceStatus} DeviceStatus */
/** @typedef {import("./records.js").HistoryEntry} HistoryEntry */
/** @typedef {import("./records.js").EndedRequest} EndedRequest */
/** @typedef {import("./records.js").OpenRequest} OpenRequest */
/** @typedef {import("./store.js").Change} Change */
/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./strong_keys.js").StrongKeys} StrongKeys */
/** @typedef {import("./strong_keys.js").Use} Use */
/** @typedef {import("./wallet.js").AccountChange} AccountChange */
/** @typedef {import("./wallet.js").ChangeEvent} ChangeEvent */
/** @typedef {import("./wallet.js").UnreadableAccount} UnreadableAccount */
/** @typedef {import("../wire/answer.js").Reason} Reason */
/** @typedef {import("../wire/errors.js").ErrorCode} ErrorCode */
/** @typedef {import("../wire/display.js").Attachment} Attachment */
/** @typedef {import("../wire/display.js").Display} Display */
/** @typedef {import("../wire/receipt.js").Receipt} Receipt */
