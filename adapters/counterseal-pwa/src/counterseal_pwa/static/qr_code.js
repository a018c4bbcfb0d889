/** QR codes (ISO/IEC 18004:2015) of texts: bytes, at error correction level L. */

/** Error correction codewords of a block, and the number of blocks, by the version less one. */
const CORRECTION = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12];
/** Of more modules a camera makes out too few on a phone's screen. */
const LAST = BLOCKS.length;
const BYTES = 0b0100;
const LEVEL = 0b01;

/** @type {((x: number, y: number) => boolean)[]} Which modules each mask inverts. */
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/**
 * @template T
 * @param {number} length
 * @param {(at: number) => T} each
 */
const range = (length, each) => Array.from({ length }, (_, at) => each(at));

/**
 * Return the rows of modules of the code of *text*, true for dark; null if it is too long.
 *
 * @param {string} text
 * @returns {boolean[][] | null}
 */
export function encodeQrCode(text) {
  const bytes = [...new TextEncoder().encode(text)];
  for (let version = 1; version <= LAST; version += 1) {
    const codewords = codewordsOf(bytes, version);
    if (codewords !== null) return draw(version, codewords);
  }
  return null;
}

/** @param {number} version */
const alignmentsOf = (version) => (version === 1 ? 0 : Math.floor(version / 7) + 2);

/**
 * Return how many codewords a version has: what its fixed modules leave, by eight.
 *
 * @param {number} version
 */
function capacityOf(version) {
  const count = alignmentsOf(version);
  const alignments = count && (25 * count - 10) * count - 55;
  return Math.floor(((16 * version + 128) * version + 64 - alignments - (version < 7 ? 0 : 36)) / 8);
}

/**
 * Return data and error correction in the order in which they are drawn; null if *version* is too
 * small.
 *
 * @param {number[]} bytes
 * @param {number} version
 */
function codewordsOf(bytes, version) {
  const [correction = 0, count = 0] = [CORRECTION[version - 1], BLOCKS[version - 1]];
  const capacity = capacityOf(version) - correction * count;
  const size = version < 10 ? [bytes.length] : [bytes.length >> 8, bytes.length & 255];
  const octets = [...size, ...bytes];
  if (octets.length >= capacity) return null;
  // The mode is half a byte, so each byte lies in two codewords; the terminator fills the last one.
  const data = [BYTES, ...octets].map((octet, at) => ((octet & 15) << 4) | ((octets[at] ?? 0) >> 4));
  return interleave(
    range(capacity, (at) => data[at] ?? ((at - data.length) % 2 ? 0x11 : 0xec)),
    count,
    correction,
  );
}

/**
 * Split *data* into blocks, of which the last ones may be longer by one, and take from each block
 * and from its error correction in turn.
 *
 * @param {number[]} data
 * @param {number} count
 * @param {number} correction
 */
function interleave(data, count, correction) {
  const least = Math.floor(data.length / count);
  const short = count - (data.length % count);
  const start = (/** @type {number} */ at) => at * least + Math.max(0, at - short);
  const blocks = range(count, (at) => data.slice(start(at), start(at + 1)));
  const divisor = divisorOf(correction);
  const column = (/** @type {number[][]} */ rows) => (/** @type {number} */ at) =>
    rows.flatMap((row) => row.slice(at, at + 1));
  return [
    ...range(least + 1, column(blocks)),
    ...range(correction, column(blocks.map((block) => remainderOf(block, divisor)))),
  ].flat();
}

/**
 * Multiply in GF(2⁸) modulo x⁸ + x⁴ + x³ + x² + 1.
 *
 * @param {number} a
 * @param {number} b
 */
function multiply(a, b) {
  let product = 0;
  for (let at = 7; at >= 0; at -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((b >> at) & 1) * a);
  }
  return product;
}

/**
 * Return the Reed-Solomon generator polynomial of a degree, without its leading 1.
 *
 * @param {number} degree
 */
function divisorOf(degree) {
  let divisor = [1];
  let root = 1;
  for (let at = 0; at < degree; at += 1) {
    const factor = root;
    divisor = [...divisor, 0].map((each, place) => each ^ multiply(divisor[place - 1] ?? 0, factor));
    root = multiply(root, 2);
  }
  return divisor.slice(1);
}

/**
 * @param {number[]} data
 * @param {number[]} divisor
 */
const remainderOf = (data, divisor) =>
  data.reduce(
    ([first = 0, ...rest], byte) =>
      divisor.map((each, at) => (rest[at] ?? 0) ^ multiply(each, first ^ byte)),
    divisor.map(() => 0),
  );

/**
 * Append to *value* its check bits in a BCH code.
 *
 * @param {number} value
 * @param {number} divisor
 * @param {number} degree
 */
function withCheck(value, divisor, degree) {
  let remainder = value;
  for (let at = 0; at < degree; at += 1) {
    remainder = (remainder << 1) ^ ((remainder >> (degree - 1)) * divisor);
  }
  return (value << degree) | remainder;
}

/**
 * Return what tells a module that the version or the mask fixes; undefined for one with data.
 *
 * @param {number} version
 * @param {number} mask
 * @returns {(x: number, y: number) => boolean | undefined}
 */
function fixedBy(version, mask) {
  const last = 16 + 4 * version;
  const versionBits = withCheck(version, 0x1f25, 12);
  const formatBits = withCheck((LEVEL << 3) | mask, 0x537, 10) ^ 0x5412;
  const count = alignmentsOf(version);
  const step = Math.ceil((last - 12) / (count * 2 - 2)) * 2;
  const centres = range(count, (at) => (at === 0 ? 6 : last - 6 - (count - 1 - at) * step));
  const isDark = (/** @type {number} */ bits, /** @type {number} */ at) => ((bits >> at) & 1) === 1;
  return (x, y) => {
    const reach = (/** @type {number} */ cx, /** @type {number} */ cy) => Math.max(Math.abs(x - cx), Math.abs(y - cy));
    const finder = Math.min(reach(3, 3), reach(last - 3, 3), reach(3, last - 3));
    if (finder <= 4) return finder !== 2 && finder !== 4;
    const cx = centres.find((centre) => Math.abs(x - centre) <= 2);
    const cy = centres.find((centre) => Math.abs(y - centre) <= 2);
    const inCorner = [cx, cy].every((each) => each === 6 || each === last - 6) && (cx === 6 || cy === 6);
    if (cx !== undefined && cy !== undefined && !inCorner) return reach(cx, cy) !== 1;
    if (x === 6 || y === 6) return (x + y) % 2 === 0;
    if (version >= 7 && Math.min(x, y) < 6 && Math.max(x, y) >= last - 10) {
      return isDark(versionBits, Math.min(x, y) * 3 + Math.max(x, y) - last + 10);
    }
    if (x === 8 && y <= 8) return isDark(formatBits, y < 6 ? y : y - 1);
    if (x === 8 && y > last - 7) return isDark(formatBits, y - last + 14);
    if (x === 8 && y === last - 7) return true;
    if (y === 8 && x < 8) return isDark(formatBits, x < 6 ? 14 - x : 8);
    if (y === 8 && x > last - 8) return isDark(formatBits, last - x);
    return undefined;
  };
}

/**
 * Draw codewords with the mask that reads best.
 *
 * @param {number} version
 * @param {number[]} codewords
 */
function draw(version, codewords) {
  const size = 17 + 4 * version;
  const rows = MASKS.map((inverts, mask) => {
    const fixed = fixedBy(version, mask);
    const modules = range(size, (y) => range(size, (x) => fixed(x, y)));
    fill(modules, codewords, inverts);
    return modules.map((row) => row.map(Boolean));
  });
  return rows.reduce((best, each) => (penaltyOf(each) < penaltyOf(best) ? each : best));
}

/**
 * Fill what is not fixed: pairs of columns from the right, upwards and downwards in turn.
 *
 * @param {(boolean | undefined)[][]} modules
 * @param {number[]} codewords
 * @param {(x: number, y: number) => boolean} inverts
 */
function fill(modules, codewords, inverts) {
  const size = modules.length;
  let bit = 0;
  for (let pair = 0; pair < (size - 1) / 2; pair += 1) {
    const column = size - 1 - 2 * pair;
    // The column of the timing pattern is in no pair.
    const right = column > 6 ? column : column - 1;
    for (let step = 0; step < 2 * size; step += 1) {
      const x = right - (step % 2);
      const y = pair % 2 ? step >> 1 : size - 1 - (step >> 1);
      const row = modules[y];
      if (row === undefined || row[x] !== undefined) continue;
      row[x] = (((codewords[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) !== Number(inverts(x, y));
      bit += 1;
    }
  }
}

/**
 * Return how badly modules read (7.8.3): runs, squares, what looks like a finder pattern, and more
 * of one colour.
 *
 * @param {boolean[][]} rows
 */
function penaltyOf(rows) {
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  let penalty = 0;
  for (const text of [...rows, ...columns].map((each) => each.map(Number).join(""))) {
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) penalty += run.length - 2;
    penalty += 40 * [...text.matchAll(/(?=10111010000|00001011101)/g)].length;
  }
  rows.forEach((row, y) =>
    row.forEach((module, x) => {
      const square = [row[x + 1], rows[y + 1]?.[x], rows[y + 1]?.[x + 1]];
      if (square.every((each) => each === module)) penalty += 3;
    }),
  );
  const share = rows.flat().filter(Boolean).length / rows.length ** 2;
  return penalty + 10 * Math.floor(Math.abs(share * 100 - 50) / 5);
}
