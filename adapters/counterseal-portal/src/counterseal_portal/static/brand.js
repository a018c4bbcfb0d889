/** The live preview of an App Space's colour and logo, and the logo's way into the form. */

const COLOUR = /^#[0-9a-f]{6}$/i;
const SIDE = 28;
const LOGO_BYTES = 32_768;
const LOGO_SIDES = [512, 256, 128, 64];
const SIGNATURE_BYTES = 8;
const CHUNKS = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

const colour = document.getElementById("field-color");
const file = document.querySelector("input[data-encodes]");
const encoded = document.querySelector('input[type="hidden"][name="logo"]');
const preview = document.querySelector("[data-brand]");
const note = document.getElementById("preview-note");

if (colour instanceof HTMLInputElement && preview) {
  colour.addEventListener("input", () => {
    showColour(colour.value.trim());
    say("As it will be once you save it.");
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
  const text = await encodedLogo(picture).catch(() => null);
  if (!isLatest()) return true;
  conversion = null;
  if (text === null) {
    setValue(input, "");
    say("The browser cannot read this file.");
    return false;
  }
  setValue(output, text);
  if (picture) void showLogo(picture);
  say("As it will be once you save it.");
  return true;
}

/**
 * @param {HTMLInputElement} input
 * @param {string} value
 */
function setValue(input, value) {
  input.value = value;
}

/** @param {Blob | undefined} picture */
const encodedLogo = async (picture) => (picture ? encode(await logoOf(picture)) : "");

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

/** @param {string} text */
function showColour(text) {
  const tile = preview?.querySelector("rect");
  const label = preview?.querySelector(".label");
  if (!tile || !label) return;
  const isColour = COLOUR.test(text);
  if (isColour) tile.setAttribute("fill", text);
  else tile.removeAttribute("fill");
  tile.classList.toggle("plain-tile", !isColour);
  const light = isColour && luminance(text) + 0.05 > Math.sqrt(1.05 * 0.05);
  label.classList.toggle("on-light", isColour && light);
  label.classList.toggle("on-dark", isColour && !light);
}

/** @param {Blob} picture */
async function showLogo(picture) {
  const canvas = preview?.querySelector("canvas");
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return;
  try {
    const bitmap = await createImageBitmap(picture);
    const scale = SIDE / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    context.clearRect(0, 0, SIDE, SIDE);
    context.drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    canvas.hidden = false;
    preview?.querySelector("img")?.remove();
  } catch {
    canvas.hidden = true;
  }
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

/**
 * Return the relative luminance of a colour (WCAG 2.2).
 *
 * @param {string} text
 */
function luminance(text) {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(text.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
