/** The status of a device at the service: what it says of the device, and what the device changes of it. */

import { StoreFailed } from "./errors.js";
import { readStatus } from "./records.js";

/** @typedef {import("./connection.js").Connection} Connection */
/** @typedef {import("./enrolment.js").App} App */
/** @typedef {import("./records.js").AccountRecord} AccountRecord */
/** @typedef {import("./records.js").DeviceStatus} DeviceStatus */

/**
 * Return the status, and keep the names, the colour and the logo; if the service has another platform,
 * app version or language than *app*, it learns it.
 *
 * @param {Connection} connection
 * @param {App} app
 * @returns {Promise<DeviceStatus>}
 */
export async function fetchStatus(connection, app) {
  const call = { method: "GET", path: "/device/status" };
  const { value: status } = await connection.call(call, readStatus);
  const { brand, names } = status;
  if (isChanged(brand, connection.record.brand) || isChanged(names, connection.record.names)) {
    await keep(connection, { brand, names }, "branded");
  }
  const newerApp = newerOf(status, app);
  if (newerApp === undefined) return status;
  const { platform, appVersion, language } = await changeDevice(connection, newerApp);
  return { ...status, platform, appVersion, language };
}

/**
 * Change what the device is called at the service.
 *
 * @param {Connection} connection
 * @param {string} name
 * @returns {Promise<DeviceStatus>}
 */
export async function renameDevice(connection, name) {
  const status = await changeDevice(connection, { name });
  await keep(connection, { name }, "renamed");
  return status;
}

/**
 * @param {Connection} connection
 * @param {{name?: string, addresses?: readonly import("./enrolment.js").PushAddress[]} & App} change
 * @returns {Promise<DeviceStatus>}
 */
export function changeDevice(connection, change) {
  const call = { method: "PATCH", path: "/device", body: JSON.stringify(change) };
  return connection.repeatCall(call, readStatus);
}

/**
 * Keep what the service says, only in memory if the store fails: the service says it again.
 *
 * @param {Connection} connection
 * @param {Partial<AccountRecord>} changes
 * @param {"branded" | "renamed"} type
 */
async function keep(connection, changes, type) {
  const { stored } = connection;
  try {
    await stored.update(changes);
  } catch (error) {
    if (!(error instanceof StoreFailed)) throw error;
    stored.adopt({ ...stored.record, ...changes });
  }
  connection.notify(type);
}

/**
 * Return what the service has to learn of the app.
 *
 * @param {DeviceStatus} status
 * @param {App} app
 * @returns {App | undefined}
 */
function newerOf(status, app) {
  const { language = status.language, ...version } = app;
  const { platform = status.platform, appVersion = status.appVersion } = version;
  // A service that keeps neither would refuse both, and one that takes no language would too.
  const keepsVersion = status.platform !== null && status.appVersion !== null;
  const isSameVersion = platform === status.platform && appVersion === status.appVersion;
  const newer = keepsVersion && !isSameVersion ? version : undefined;
  if (language === null || status.languages === null || language === status.language) return newer;
  return { ...newer, language };
}

/**
 * @param {Record<string, string | null>} members As the service says them now.
 * @param {Record<string, string | null> | undefined} stored
 */
const isChanged = (members, stored) =>
  Object.entries(members).some(([name, value]) => value !== (stored?.[name] ?? null));
