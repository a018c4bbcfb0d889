// Passkeys in the portal's forms: the browser's answer goes back in a field of the form.

/**
 * @param {string} text base64url without padding
 * @returns {Uint8Array<ArrayBuffer>} its bytes
 */
function decode(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * @param {ArrayBuffer} buffer any bytes
 * @returns {string} base64url without padding
 */
function encode(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {{ id: string }[]} [credentials] with base64url
 * @returns {PublicKeyCredentialDescriptor[]} with bytes
 */
function descriptors(credentials) {
  return (credentials ?? []).map(({ id }) => ({ type: "public-key", id: decode(id) }));
}

/**
 * @param {any} options of the page, with base64url
 * @returns {Promise<object>} the answer, as JSON has it
 */
async function create(options) {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  };
  const credential = /** @type {PublicKeyCredential} */ (
    await navigator.credentials.create({ publicKey })
  );
  const response = /** @type {AuthenticatorAttestationResponse} */ (credential.response);
  return {
    id: credential.id,
    type: credential.type,
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
    },
  };
}

/**
 * @param {any} options of the page, with base64url
 * @returns {Promise<object>} the answer, as JSON has it
 */
async function get(options) {
  const publicKey = { ...options, challenge: decode(options.challenge) };
  const credential = /** @type {PublicKeyCredential} */ (
    await navigator.credentials.get({ publicKey })
  );
  const response = /** @type {AuthenticatorAssertionResponse} */ (credential.response);
  return {
    id: credential.id,
    type: credential.type,
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle === null ? null : encode(response.userHandle),
    },
  };
}

/**
 * @param {HTMLFormElement} form where to say it
 * @param {string} text what to say
 */
function say(form, text) {
  const problem = form.querySelector("[data-problem]");
  if (problem instanceof HTMLElement) {
    problem.textContent = text;
    problem.hidden = text === "";
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {HTMLInputElement}
 */
function inputOf(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/**
 * Let the browser ask for the passkey, and send the form with its answer.
 *
 * @param {HTMLFormElement} form
 */
async function usePasskey(form) {
  say(form, "");
  if (!window.PublicKeyCredential) {
    say(form, "This browser has no passkeys. Use another one.");
    return;
  }
  const options = JSON.parse(form.dataset.options ?? "{}");
  try {
    const answer = await (form.dataset.passkey === "create" ? create(options) : get(options));
    inputOf(form, "credential").value = JSON.stringify(answer);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    say(
      form,
      name === "InvalidStateError"
        ? "This device has a passkey for the portal already."
        : "Nothing was done: the passkey was not used, or it took too long. Try again.",
    );
    return;
  }
  form.submit();
}

/**
 * Let the form be sent: without this script it would be sent empty.
 *
 * @param {HTMLFormElement} form
 */
function enable(form) {
  for (const button of form.querySelectorAll("button")) {
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (form instanceof HTMLFormElement) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void usePasskey(form);
    });
    enable(form);
  }
}

const LINK = /^#([0-9a-f-]{36}\..+)$/;

/**
 * @returns {string} what the address has of a one-time link; empty if it is of none
 */
function secretOfAddress() {
  return LINK.exec(window.location.hash)?.[1] ?? "";
}

// The secret of a one-time link is behind #, which browsers send to nobody.
for (const form of document.querySelectorAll("form[data-link]")) {
  if (form instanceof HTMLFormElement) {
    const secret = secretOfAddress();
    window.history.replaceState(null, "", window.location.pathname);
    inputOf(form, "link").value = secret;
    enable(form);
    if (secret === "") {
      say(form, "The link is not complete. Open it as it was sent, or ask for another one.");
    }
  }
}

// Of a newer link in the same tab, only what is behind # differs: the browser loads nothing then.
if (document.querySelector("[data-link]") !== null) {
  window.addEventListener("hashchange", () => {
    if (secretOfAddress() !== "") {
      const { pathname, hash } = window.location;
      // With the question mark, it is another address, which is loaded.
      window.location.replace(`${pathname}?${hash}`);
    }
  });
}

const WAIT = 1500;
const ANSWERED = 200;

/**
 * Send the form as soon as the person's device has answered.
 *
 * @param {HTMLFormElement} form
 */
async function poll(form) {
  try {
    const response = await fetch(form.dataset.state ?? "", { redirect: "manual" });
    if (response.status === ANSWERED || response.type === "opaqueredirect") {
      form.submit();
      return;
    }
  } catch {
    // The service does not respond at the moment.
  }
  window.setTimeout(() => void poll(form), WAIT);
}

for (const form of document.querySelectorAll("form[data-state]")) {
  if (form instanceof HTMLFormElement) {
    window.setTimeout(() => void poll(form), WAIT);
  }
}
