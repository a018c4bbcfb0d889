/** The live preview of an App Space's colour and logo, and the logo's way into the form. */

const COLOUR = /^#[0-9a-f]{6}$/i;
const LOGO_BYTES = 32_768;
const LOGO_SIDES = [512, 256, 128, 64];
const SIGNATURE_BYTES = 8;
const CHUNKS = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

const colour = document.getElementById("field-color");
const file = document.querySelector("input[data-encodes]");
const encoded = document.querySelector('input[type="hidden"][name="logo"]');
const sample = document.querySelector("[data-app]");
const note = document.getElementById("preview-note");
const preview = sample instanceof HTMLElement ? openPreview(sample) : null;

if (colour instanceof HTMLInputElement) {
  colour.addEventListener("input", () => {
    const text = colour.value.trim();
    preview?.show({ color: COLOUR.test(text) ? text : null });
  });
}
if (file instanceof HTMLInputElement && encoded instanceof HTMLInputElement) {
  file.disabled = false;
  file.addEventListener("change", () => chooseLogo(file, encoded));
  file.form?.addEventListener("submit", (event) => {
    if (conversion === null) return;
    event.preventDefault();
    if (!isSaving) void saveConverted(/** @type {HTMLFormElement} */ (file.form), event.submitter);
  });
}

/**
 * Put the app in the place of a sample, as soon as it is loaded; it shows each brand that it is sent.
 *
 * @param {HTMLElement} saved The sample, with the brand as it is saved.
 */
function openPreview(saved) {
  const { app = "", name = "", verifiedName = "", color = "", logo = "" } = saved.dataset;
  /** @type {{name: string, verifiedName: string | null, color: string | null, logo: string | Blob | null}} */
  const brand = { name, verifiedName: verifiedName || null, color: color || null, logo: logo || null };
  const frame = document.createElement("iframe");
  frame.title = "The app in the browser";
  frame.hidden = true;
  const send = () => frame.contentWindow?.postMessage({ type: "brand", brand }, window.location.origin);
  window.addEventListener("message", ({ data, origin, source }) => {
    if (source !== frame.contentWindow || origin !== window.location.origin || data?.type !== "ready") return;
    frame.hidden = false;
    saved.hidden = true;
    send();
  });
  frame.src = app;
  saved.after(frame);
  return {
    /** @param {Partial<typeof brand>} change */
    show(change) {
      Object.assign(brand, change);
      if (frame.hidden) return;
      send();
      say("As it will be once you save it.");
    },
  };
}

/**
 * The conversion of the file that was chosen last, until it ends; it returns whether it succeeded.
 *
 * @type {Promise<boolean> | null}
 */
let conversion = null;
let choices = 0;
/** Whether a save waits for the conversion. */
let isSaving = false;

/**
 * Put the chosen picture into the form, unless another one is chosen meanwhile.
 *
 * @param {HTMLInputElement} input
 * @param {HTMLInputElement} output
 */
function chooseLogo(input, output) {
  choices += 1;
  const choice = choices;
  conversion = convertLogo(input, output, () => choice === choices);
}

/**
 * @param {HTMLInputElement} input
 * @param {HTMLInputElement} output
 * @param {() => boolean} isLatest
 */
async function convertLogo(input, output, isLatest) {
  const picture = input.files?.[0];
  setValue(output, "");
  const logo = await (picture ? logoOf(picture) : Promise.resolve(new Uint8Array())).catch(() => null);
  if (!isLatest()) return true;
  conversion = null;
  if (logo === null) {
    setValue(input, "");
    say("The browser cannot read this file.");
    return false;
  }
  setValue(output, encode(logo));
  if (logo.length > 0) preview?.show({ logo: new Blob([logo], { type: "image/png" }) });
  return true;
}

/**
 * @param {HTMLInputElement} input
 * @param {string} value
 */
function setValue(input, value) {
  input.value = value;
}

/**
 * Send the form when the last conversion has succeeded.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
async function saveConverted(form, submitter) {
  isSaving = true;
  let hasSucceeded = true;
  while (conversion !== null) hasSucceeded = await conversion;
  isSaving = false;
  if (hasSucceeded) form.requestSubmit(submitter);
}

/** @param {string} text */
function say(text) {
  if (note) note.textContent = text;
}

/**
 * Return a picture as a PNG that the service accepts; its own bytes if it is no picture.
 *
 * @param {Blob} picture
 */
async function logoOf(picture) {
  const original = new Uint8Array(await picture.arrayBuffer());
  let bitmap;
  try {
    bitmap = await createImageBitmap(picture);
  } catch {
    return original;
  }
  for (const side of LOGO_SIDES) {
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => {
      canvas.toBlob(resolve, "image/png");
    });
    if (!(blob instanceof Blob)) continue;
    const logo = pictureAlone(new Uint8Array(await blob.arrayBuffer()));
    if (logo.length <= LOGO_BYTES) return logo;
  }
  return original;
}

/**
 * Return a PNG without all chunks that say more than the picture (PNG, third edition, 5.3).
 *
 * @param {Uint8Array} png
 */
function pictureAlone(png) {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const parts = [...png.subarray(0, SIGNATURE_BYTES)];
  for (let at = SIGNATURE_BYTES; at + 12 <= png.length; ) {
    const end = at + 12 + view.getUint32(at);
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    if (CHUNKS.has(type)) parts.push(...png.subarray(at, end));
    at = end;
  }
  return Uint8Array.from(parts);
}

/**
 * Return bytes in base64.
 *
 * @param {Uint8Array} bytes
 */
function encode(bytes) {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
