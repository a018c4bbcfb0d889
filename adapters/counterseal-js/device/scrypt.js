/** scrypt (RFC 7914), which WebCrypto does not have. */

import { concatenate, utf8, writeNumber } from "../wire/bytes.js";

/** @typedef {import("../wire/bytes.js").Bytes} Bytes */

const WORDS_IN_HALF_BLOCK = 16;
const HASH_BYTES = 32;
const COUNTER_BYTES = 4;

/**
 * @typedef {object} Cost
 * @property {number} n A power of two.
 * @property {number} r
 * @property {number} p
 */

/**
 * Stretch a password.
 *
 * @param {string} password
 * @param {Bytes} salt
 * @param {Cost} cost
 * @param {number} size Bytes of the result.
 * @returns {Promise<Bytes>}
 */
export async function scrypt(password, salt, { n, r, p }, size) {
  const key = await importPassword(utf8(password));
  const blocks = await pbkdf2(key, salt, p * r * 128);
  const view = new DataView(blocks.buffer);
  const words = r * 32;
  for (let lane = 0; lane < p; lane += 1) {
    const start = lane * words;
    const block = Uint32Array.from({ length: words }, (_, index) =>
      view.getUint32((start + index) * 4, true),
    );
    mix(block, n, r);
    for (const [index, word] of block.entries()) view.setUint32((start + index) * 4, word, true);
    block.fill(0);
  }
  const stretched = await pbkdf2(key, blocks, size);
  blocks.fill(0);
  return stretched;
}

/**
 * @param {Bytes} password
 * @returns {Promise<CryptoKey>}
 */
function importPassword(password) {
  // HMAC pads its key with zeros, and WebCrypto imports no empty one.
  const bytes = password.length > 0 ? password : Uint8Array.of(0);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
}

/**
 * PBKDF2 with one iteration (RFC 8018, 5.2): WebCrypto's own derives 256 bytes at most in Firefox.
 *
 * @param {CryptoKey} key
 * @param {Bytes} salt
 * @param {number} size
 * @returns {Promise<Bytes>}
 */
async function pbkdf2(key, salt, size) {
  const count = Math.ceil(size / HASH_BYTES);
  const blocks = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const block = concatenate(salt, writeNumber(BigInt(index + 1), COUNTER_BYTES));
      return new Uint8Array(await crypto.subtle.sign("HMAC", key, block));
    }),
  );
  return concatenate(...blocks).subarray(0, size);
}

/**
 * scryptROMix (section 5), in place.
 *
 * @param {Uint32Array} block
 * @param {number} n
 * @param {number} r
 */
function mix(block, n, r) {
  const size = block.length;
  const table = new Uint32Array(n * size);
  const scratch = new Uint32Array(size);
  const half = new Uint32Array(WORDS_IN_HALF_BLOCK);
  for (let step = 0; step < n; step += 1) {
    table.set(block, step * size);
    mixBlock(block, scratch, half, r);
  }
  for (let step = 0; step < n; step += 1) {
    const last = block[size - WORDS_IN_HALF_BLOCK];
    const start = (last & (n - 1)) * size;
    for (let index = 0; index < size; index += 1) {
      block[index] ^= table[start + index];
    }
    mixBlock(block, scratch, half, r);
  }
  // Anybody who reads it could try PINs without this work.
  for (const words of [table, scratch, half]) words.fill(0);
}

/**
 * scryptBlockMix (section 4), in place.
 *
 * @param {Uint32Array} block
 * @param {Uint32Array} scratch As long as the block.
 * @param {Uint32Array} half 16 words.
 * @param {number} r
 */
function mixBlock(block, scratch, half, r) {
  half.set(block.subarray((2 * r - 1) * WORDS_IN_HALF_BLOCK));
  for (let index = 0; index < 2 * r; index += 1) {
    const start = index * WORDS_IN_HALF_BLOCK;
    for (let word = 0; word < WORDS_IN_HALF_BLOCK; word += 1) {
      half[word] ^= block[start + word];
    }
    salsa(half);
    const to = (index % 2 === 0 ? index / 2 : r + (index - 1) / 2) * WORDS_IN_HALF_BLOCK;
    scratch.set(half, to);
  }
  block.set(scratch);
}

/**
 * Salsa20/8 (section 3), in place.
 *
 * @param {Uint32Array} block 16 words.
 */
function salsa(block) {
  let x0 = block[0] | 0;
  let x1 = block[1] | 0;
  let x2 = block[2] | 0;
  let x3 = block[3] | 0;
  let x4 = block[4] | 0;
  let x5 = block[5] | 0;
  let x6 = block[6] | 0;
  let x7 = block[7] | 0;
  let x8 = block[8] | 0;
  let x9 = block[9] | 0;
  let x10 = block[10] | 0;
  let x11 = block[11] | 0;
  let x12 = block[12] | 0;
  let x13 = block[13] | 0;
  let x14 = block[14] | 0;
  let x15 = block[15] | 0;
  for (let round = 0; round < 4; round += 1) {
    x4 ^= rotate(x0 + x12, 7);
    x8 ^= rotate(x4 + x0, 9);
    x12 ^= rotate(x8 + x4, 13);
    x0 ^= rotate(x12 + x8, 18);
    x9 ^= rotate(x5 + x1, 7);
    x13 ^= rotate(x9 + x5, 9);
    x1 ^= rotate(x13 + x9, 13);
    x5 ^= rotate(x1 + x13, 18);
    x14 ^= rotate(x10 + x6, 7);
    x2 ^= rotate(x14 + x10, 9);
    x6 ^= rotate(x2 + x14, 13);
    x10 ^= rotate(x6 + x2, 18);
    x3 ^= rotate(x15 + x11, 7);
    x7 ^= rotate(x3 + x15, 9);
    x11 ^= rotate(x7 + x3, 13);
    x15 ^= rotate(x11 + x7, 18);
    x1 ^= rotate(x0 + x3, 7);
    x2 ^= rotate(x1 + x0, 9);
    x3 ^= rotate(x2 + x1, 13);
    x0 ^= rotate(x3 + x2, 18);
    x6 ^= rotate(x5 + x4, 7);
    x7 ^= rotate(x6 + x5, 9);
    x4 ^= rotate(x7 + x6, 13);
    x5 ^= rotate(x4 + x7, 18);
    x11 ^= rotate(x10 + x9, 7);
    x8 ^= rotate(x11 + x10, 9);
    x9 ^= rotate(x8 + x11, 13);
    x10 ^= rotate(x9 + x8, 18);
    x12 ^= rotate(x15 + x14, 7);
    x13 ^= rotate(x12 + x15, 9);
    x14 ^= rotate(x13 + x12, 13);
    x15 ^= rotate(x14 + x13, 18);
  }
  block[0] += x0;
  block[1] += x1;
  block[2] += x2;
  block[3] += x3;
  block[4] += x4;
  block[5] += x5;
  block[6] += x6;
  block[7] += x7;
  block[8] += x8;
  block[9] += x9;
  block[10] += x10;
  block[11] += x11;
  block[12] += x12;
  block[13] += x13;
  block[14] += x14;
  block[15] += x15;
}

/**
 * @param {number} sum
 * @param {number} bits
 */
const rotate = (sum, bits) => (sum << bits) | (sum >>> (32 - bits));
