/**
 * ROCA: recognise RSA moduli that can be factored, by the fingerprint of CVE-2017-15361.
 *
 * Such a modulus is a power of 65537 modulo the product of the first 39 primes (Nemec, Sys,
 * Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017); another modulus is one
 * with a probability of 2^-154.
 */

const GENERATOR = 65537;
const LAST_PRIME = 167;

/**
 * @param {number} one
 * @param {number} other
 * @returns {number}
 */
const greatestDivisor = (one, other) => (other === 0 ? one : greatestDivisor(other, one % other));

/** @param {number} number */
const isPrime = (number) => {
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) {
    if (number % divisor === 0) return false;
  }
  return true;
};

/**
 * Return the exponent of each power of the generator modulo *prime*.
 *
 * @param {number} prime
 * @returns {Map<number, number>}
 */
function logarithms(prime) {
  const exponents = new Map();
  for (let power = 1 % prime; !exponents.has(power); power = (power * GENERATOR) % prime) {
    exponents.set(power, exponents.size);
  }
  return exponents;
}

/** @type {readonly (readonly [bigint, Map<number, number>])[] | undefined} */
let tables;

/** Return the logarithms modulo each prime; they take some milliseconds, and few programs need them. */
const logarithmTables = () =>
  (tables ??= Array.from({ length: LAST_PRIME - 1 }, (_, index) => index + 2)
    .filter(isPrime)
    .map((prime) => /** @type {const} */ ([BigInt(prime), logarithms(prime)])));

/**
 * Tell whether an RSA modulus has the fingerprint.
 *
 * @param {bigint} modulus
 * @returns {boolean}
 */
export function hasRocaFingerprint(modulus) {
  /** @type {[number, number][]} */
  const exponents = [];
  for (const [prime, powers] of logarithmTables()) {
    const exponent = powers.get(Number(modulus % prime));
    if (exponent === undefined) return false;
    exponents.push([exponent, powers.size]);
  }
  // One exponent fits all primes exactly if any two of them agree (Chinese remainder theorem).
  return exponents.every(([one, order], index) =>
    exponents
      .slice(index + 1)
      .every(([other, otherOrder]) => (one - other) % greatestDivisor(order, otherOrder) === 0),
  );
}
