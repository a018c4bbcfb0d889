/** An origin: invites devices, asks people, waits, and verifies what comes back. */

export { requireApproved } from "./approval.js";
export { BODY_LIMIT, verifyCallback, verifyEvent } from "./callback.js";
export { Client } from "./client.js";
export * from "./errors.js";
export { PendingRequest } from "./pending.js";
export { allOf, anyOf, byAccount, byDevice, matchingCode, strongKey, within } from "./requirements.js";
export { Trust } from "./trust.js";
export { verifyReceipt } from "../wire/receipt.js";
export { verifyUseReceipt } from "../wire/use_receipt.js";
export { writeLink } from "../wire/link.js";

/** @typedef {import("./action.js").Action} Action */
/** @typedef {import("./action.js").KnownAction} KnownAction */
/** @typedef {import("./approval.js").Approval} Approval */
/** @typedef {import("./approval.js").Requirement} Requirement */
/** @typedef {import("./callback.js").Callback} Callback */
/** @typedef {import("./client.js").ClientSettings} ClientSettings */
/** @typedef {import("../wire/errors.js").ErrorCode} ErrorCode */
/** @typedef {import("./events.js").AccountEvent} AccountEvent */
/** @typedef {import("./events.js").AccountEventPage} AccountEventPage */
/** @typedef {import("./pending.js").RequestWarning} RequestWarning */
/** @typedef {import("./processed.js").ProcessedRequest} ProcessedRequest */
/** @typedef {import("./question.js").Button} Button */
/** @typedef {import("./question.js").Content} Content */
/** @typedef {import("./replies.js").DeviceState} DeviceState */
/** @typedef {import("./replies.js").Invitation} Invitation */
/** @typedef {import("./replies.js").KnownDevice} KnownDevice */
/** @typedef {import("../wire/receipt.js").Receipt} Receipt */
/** @typedef {import("../wire/use_receipt.js").UseReceipt} UseReceipt */
