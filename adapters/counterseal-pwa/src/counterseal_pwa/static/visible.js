/**
 * Visible text: what somebody else wrote, so that it cannot look like another text.
 *
 * What has no width or ink, turns the text around or strikes it through is written like `<U+202E>`,
 * as in the terminal of the `device` command. Here some stay that the terminal writes out: other
 * spaces of one width, what joins emoji and letters of scripts that need it, and, in texts of
 * several lines, line breaks.
 */

const NOTATION = "<U+";
/** More marks than any living script has on one letter, and too few to reach the next line. */
const MARKS_IN_A_ROW = 4;
const HIDDEN =
  /[\u{16fe4}\u2800\u{13441}\u{13442}\u{1d159}\p{C}\p{Z}\p{Me}\p{Default_Ignorable_Code_Point}]/u;
/** Marks that strike through: those of the canonical combining class 1. */
const OVERLAY =
  /[\u0334-\u0338\u1cd4\u1ce2-\u1ce8\u20d2\u20d3\u20d8-\u20da\u20e5\u20e6\u20ea\u20eb\u{10a39}\u{16af0}-\u{16af4}\u{1bc9e}\u{1d167}-\u{1d169}]/u;
const SPACE = /[ \u00a0\u202f\u3000]/u;
const JOINER = /[\u200c\u200d]/u;
const PICTURE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]/u;
/** Letters and marks of the scripts that are written with joiners. */
const JOINED =
  /[\p{sc=Arab}\p{sc=Beng}\p{sc=Deva}\p{sc=Gujr}\p{sc=Guru}\p{sc=Knda}\p{sc=Khmr}\p{sc=Mlym}\p{sc=Mong}\p{sc=Mymr}\p{sc=Orya}\p{sc=Sinh}\p{sc=Syrc}\p{sc=Taml}\p{sc=Telu}]/u;

/**
 * Return *text* with everything visible.
 *
 * @param {string} text
 * @param {{lines?: boolean, written?: boolean, exact?: boolean}} [how] `lines`: keep line breaks and
 *   tabs; `written`: who wrote the text has used this notation already, so it stays; `exact`: of a
 *   name or an id, write out each space that is not a single plain one between two characters.
 */
export function visible(text, { lines = false, written = false, exact = false } = {}) {
  const characters = [...text];
  let marksLeft = 0;
  return characters
    .map((character, index) => {
      const [before = "", after = ""] = [characters[index - 1], characters[index + 1]];
      const isMark = /\p{M}/u.test(character);
      const stays =
        (lines && (/[\n\t]/u.test(character) || (character === "\r" && after === "\n"))) ||
        (exact ? character === " " && !["", " "].includes(before) && after !== "" : SPACE.test(character)) ||
        (JOINER.test(character) && joins(before, after)) ||
        (character === "\ufe0f" && /\p{Extended_Pictographic}/u.test(before)) ||
        (!HIDDEN.test(character) &&
          !(isMark && (marksLeft === 0 || OVERLAY.test(character))) &&
          !(!written && character === "<" && after === "U" && characters[index + 2] === "+"));
      if (isMark) marksLeft = stays ? marksLeft - 1 : 0;
      else marksLeft = stays && /\p{L}/u.test(character) ? MARKS_IN_A_ROW : 0;
      return stays ? character : writeOut(character);
    })
    .join("");
}

/**
 * Tell whether a joiner between two characters is one that people write.
 *
 * @param {string} before
 * @param {string} after
 */
const joins = (before, after) =>
  (PICTURE.test(before) && PICTURE.test(after)) || (JOINED.test(before) && JOINED.test(after));

/** @param {string} character */
const writeOut = (character) =>
  `${NOTATION}${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}>`;
