/**
 * Curves: what WebCrypto does not do with P-256 and Ed25519.
 *
 * It checks whether a public key is a point at all, since not every engine does, and multiplies
 * the base point of P-256, since an engine may import a private key only with its public half.
 */

import { readNumber, writeNumber } from "./bytes.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */

const P256_PRIME = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const P256_X = 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n;
const P256_Y = 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n;
/** The order of P-256: private keys are 1 to one less than it. */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const ED25519_PRIME = 2n ** 255n - 19n;
const COORDINATE_BYTES = 32;
const SCALAR_BITS = 256;

/**
 * @param {bigint} number
 * @param {bigint} prime
 */
const modulo = (number, prime) => ((number % prime) + prime) % prime;

/**
 * @param {bigint} base
 * @param {bigint} exponent
 * @param {bigint} prime
 */
function power(base, exponent, prime) {
  let result = 1n;
  let factor = modulo(base, prime);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % prime;
    factor = (factor * factor) % prime;
  }
  return result;
}

/**
 * Tell whether a public key is a point of P-256.
 *
 * @param {Bytes} x
 * @param {Bytes} y
 * @returns {boolean}
 */
export function isOnP256(x, y) {
  if (x.length !== COORDINATE_BYTES || y.length !== COORDINATE_BYTES) return false;
  const [one, other] = [readNumber(x), readNumber(y)];
  if (one >= P256_PRIME || other >= P256_PRIME) return false;
  const right = one ** 3n - 3n * one + P256_B;
  return modulo(other * other - right, P256_PRIME) === 0n;
}

/**
 * Tell whether a public key is a point of Ed25519 in its one spelling (RFC 8032, 5.1.3), of more
 * than a small order.
 *
 * @param {Bytes} key
 * @returns {boolean}
 */
export function isOnEd25519(key) {
  if (key.length !== COORDINATE_BYTES) return false;
  const p = ED25519_PRIME;
  const y = readNumber(key.toReversed()) & (2n ** 255n - 1n);
  if (y >= p) return false;
  // -x^2 + y^2 = 1 + d x^2 y^2 has a solution x if (y^2 - 1) / (d y^2 + 1) is a square.
  const d = -121665n * power(121666n, p - 2n, p);
  const square = modulo((y * y - 1n) * power(d * y * y + 1n, p - 2n, p), p);
  // No square root, or x = 0: the points with y = 1 and y = -1.
  if (power(square, (p - 1n) / 2n, p) !== 1n) return false;
  return !hasSmallOrder(y, square, p);
}

/**
 * Tell whether 8 times a point is the identity: the double, three times, ends at y = 1.
 *
 * @param {bigint} y
 * @param {bigint} square x squared.
 * @param {bigint} p
 */
function hasSmallOrder(y, square, p) {
  let [ySquared, xSquared] = [modulo(y * y, p), square];
  let last = y;
  for (let doubling = 0; doubling < 3; doubling += 1) {
    // For a = -1: y' = (y^2 + x^2) / (2 + x^2 - y^2), x'^2 = 4 x^2 y^2 / (y^2 - x^2)^2.
    last = modulo((ySquared + xSquared) * power(2n + xSquared - ySquared, p - 2n, p), p);
    const product = modulo(4n * xSquared * ySquared, p);
    xSquared = modulo(product * power((ySquared - xSquared) ** 2n, p - 2n, p), p);
    ySquared = modulo(last * last, p);
  }
  return last === 1n;
}

/**
 * A point in projective coordinates; z is 0 at the identity.
 *
 * @typedef {readonly [bigint, bigint, bigint]} Point
 */

/**
 * Add two points of P-256; complete, so that it has no special case (Renes, Costello, Batina,
 * "Complete addition formulas for prime order elliptic curves", 2015, algorithm 4).
 *
 * @param {Point} one
 * @param {Point} other
 * @returns {Point}
 */
function add([x1, y1, z1], [x2, y2, z2]) {
  const p = P256_PRIME;
  const [xx, yy, zz] = [(x1 * x2) % p, (y1 * y2) % p, (z1 * z2) % p];
  const xy = modulo((x1 + y1) * (x2 + y2) - xx - yy, p);
  const yz = modulo((y1 + z1) * (y2 + z2) - yy - zz, p);
  const xz = modulo((x1 + z1) * (x2 + z2) - xx - zz, p);
  const first = modulo(3n * (xz - P256_B * zz), p);
  const minus = modulo(yy - first, p);
  const plus = modulo(yy + first, p);
  const middle = modulo(3n * (P256_B * xz - xx - 3n * zz), p);
  const slope = modulo(3n * xx - 3n * zz, p);
  return [
    modulo(xy * plus - yz * middle, p),
    modulo(minus * plus + slope * middle, p),
    modulo(yz * minus + xy * slope, p),
  ];
}

/**
 * Return the public key of a private key of P-256, as x and y.
 *
 * One addition and one doubling for each bit, whatever the bit is; the engine's arithmetic of
 * BigInt still takes a time that depends on the numbers.
 *
 * @param {Bytes} secret 32 bytes, 1 to the order less one.
 * @returns {[Bytes, Bytes]}
 */
export function p256PublicKey(secret) {
  const scalar = readNumber(secret);
  /** @type {[Point, Point]} */
  let ladder = [
    [0n, 1n, 0n],
    [P256_X, P256_Y, 1n],
  ];
  for (let bit = BigInt(SCALAR_BITS - 1); bit >= 0n; bit -= 1n) {
    const [low, high] = ladder;
    const sum = add(low, high);
    ladder = (scalar >> bit) & 1n ? [sum, add(high, high)] : [add(low, low), sum];
  }
  const [[x, y, z]] = ladder;
  const inverse = power(z, P256_PRIME - 2n, P256_PRIME);
  const affine = (/** @type {bigint} */ each) =>
    writeNumber(modulo(each * inverse, P256_PRIME), COORDINATE_BYTES);
  return [affine(x), affine(y)];
}

/**
 * Return an ES256 signature with an s of at most half the order.
 *
 * @param {Bytes} signature
 * @returns {Bytes}
 */
export function withLowS(signature) {
  const s = readNumber(signature.subarray(COORDINATE_BYTES));
  if (s <= P256_ORDER / 2n) return signature;
  const result = signature.slice();
  result.set(writeNumber(P256_ORDER - s, COORDINATE_BYTES), COORDINATE_BYTES);
  return result;
}
