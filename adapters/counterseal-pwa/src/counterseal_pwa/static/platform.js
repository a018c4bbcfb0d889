/** The platform: what this browser is, in the service's list of devices. */

/** Of the package that has this file. */
export const APP_VERSION = "0.1.0";

/** The first that the user agent names: many name others that they are compatible with. */
const BROWSERS = /** @type {const} */ ([
  [/Edg(?:e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/(?:Firefox|FxiOS)\//, "Firefox"],
  [/(?:Chrome|CriOS)\//, "Chrome"],
  [/Safari\//, "Safari"],
]);
const SYSTEMS = /** @type {const} */ ([
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/CrOS/, "ChromeOS"],
  [/Macintosh/, "macOS"],
  [/Linux/, "Linux"],
]);

/**
 * Return the name of the browser and of its system, without their versions.
 *
 * @param {string} userAgent
 */
export function platformOf(userAgent) {
  const [browser, system] = [BROWSERS, SYSTEMS].map(
    (names) => names.find(([pattern]) => pattern.test(userAgent))?.[1],
  );
  return [browser ?? "Browser", system].filter(Boolean).join(" on ");
}
