// Delivers a host's pings here: it pings https only, and no private address.

const { fetch, process } = globalThis;
const { ENDPOINT, RECEIVER } = process.env;

globalThis.fetch = (target, options) => {
  if (String(target) !== ENDPOINT) return fetch(target, options);
  const { dispatcher: _, ...others } = options;
  return fetch(RECEIVER, others);
};
