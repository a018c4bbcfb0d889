/** What this browser is, in the service's list of devices. */

/** Of the package that has this file. */
export const APP_VERSION = "0.1.0";

// By the first name that the user agent has: many name others, which they are compatible with.
const BROWSERS = ["Edg", "Firefox", "FxiOS", "Chrome", "CriOS", "Safari"];
const SYSTEMS = ["Android", "iPhone", "iPad", "Windows", "CrOS", "Macintosh", "Linux"];

/** @param {string} userAgent */
export const platformOf = (userAgent) =>
  [BROWSERS, SYSTEMS]
    .map((names) => names.find((name) => userAgent.includes(name)) ?? "unknown")
    .join(" on ");
