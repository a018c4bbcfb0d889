/**
 * HTML as text: the lines that a question in HTML says, for a device that renders none of it.
 *
 * A reader gets every text node in the order of the source, no matter what a style hides, strikes
 * through or moves; blocks begin and end lines, and white space is collapsed. Scripts, styles,
 * comments and pictures are counted, and left out.
 *
 * The browser parses it into a document without a window, without its attributes, scripts and
 * styles: nothing in it could run or be loaded.
 * A parser moves text, drops tags and adds others (HTML, 13.2.6), so the source is read only where
 * it is written plainly, as `counterseal.device.html` in Python says; both read the same lines
 * (`tests/vectors/html.json`).
 */

/** Characters. */
const LENGTH_LIMIT = 65_536;
/** Elements in one another. */
const DEPTH_LIMIT = 64;
/** Of Trusted Types, for pages whose Content Security Policy demands them. */
const POLICY = "counterseal-html";

/** @param {...string} texts */
const names = (...texts) => new Set(texts.join(" ").split(" "));

const INLINE = names(
  "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp",
  "small span strike strong sub sup time tt u var",
);
const HEADINGS = names("h1 h2 h3 h4 h5 h6");
/** Blocks whose start tag ends a paragraph (HTML, 13.2.6.4.7). */
const CLOSING_P = names(
  ...HEADINGS,
  "address article aside blockquote center dd details dir div dl dt figcaption figure footer",
  "header hgroup hr li main menu nav ol p pre section summary table ul",
);
/** Elements that a browser expects there, and drops, moves or wraps elsewhere. */
const PARENTS = new Map([
  ["li", names("ul ol menu dir")],
  ...["dt", "dd"].map((name) => /** @type {const} */ ([name, names("dl")])),
  ...["caption", "colgroup", "thead", "tbody", "tfoot"].map((name) => /** @type {const} */ ([name, names("table")])),
  ["col", names("colgroup")],
  ["tr", names("table thead tbody tfoot")],
  ...["td", "th"].map((name) => /** @type {const} */ ([name, names("tr")])),
]);
/** Where text that is not in a cell is moved before the table. */
const TABLE_PARTS = names("table colgroup thead tbody tfoot tr");
/** Beyond the innermost of these, no end tag reaches. */
const SCOPES = names("caption td th");
const OPTIONAL_END = names("p li dt dd colgroup thead tbody tfoot tr td th");
const BLOCKS = names(...CLOSING_P, "caption thead tbody tfoot tr td th title br");
const VOID = names("base br col hr img link meta wbr");
const RAW = names("script style");
/** A document has one of each, wherever its tags are; they begin no line. */
const DOCUMENT = names("html head body");
const ELEMENTS = names(...INLINE, ...BLOCKS, ...VOID, ...RAW, ...DOCUMENT, "colgroup");

const SPACE = String.raw`[ \t\n\f]`;
const ATTRIBUTE =
  String.raw`${SPACE}+[A-Za-z_:@][-A-Za-z0-9_:.@]*` +
  String.raw`(?:${SPACE}*=${SPACE}*(?:"[^"]*"|'[^']*'|[!#-&(-;=?-_a-~]+))?`;
const TOKEN = new RegExp(
  String.raw`<!--(?<comment>(?!-?>)(?:(?!--)[^])*)-->` +
    String.raw`|<!(?<doctype>[Dd][Oo][Cc][Tt][Yy][Pp][Ee][^<>]*)>` +
    String.raw`|<(?<start>[A-Za-z][A-Za-z0-9]*)(?:${ATTRIBUTE})*${SPACE}*(?<closed>/?)>` +
    String.raw`|</(?<end>[A-Za-z][A-Za-z0-9]*)${SPACE}*>` +
    String.raw`|(?<text>[^<]+)`,
  "uy",
);
const COMMENT = "<!-- -->";
const DOCUMENT_TYPE = "<!doctype html>";
const NUMBER = /&#(?:[xX](?<hexadecimal>[0-9a-fA-F]+)|(?<decimal>[0-9]+))/gu;
const DIGITS = 7;
const LAST_CODE = 0x10_ff_ff;
const UNPLAIN = /[\p{Cs}\p{Noncharacter_Code_Point}]|(?![\t\n])\p{Cc}/u;
/** A no-break space is one that is written so that a line does not break there. */
const WHITE = /[ \t\n\f\r\u00a0]+/gu;

/** Collects the lines of a document. */
class Reader {
  /** @type {string[]} */
  lines = [];
  #line = "";

  /**
   * Read what is in a node, whose depth `strip` limits.
   *
   * @param {Node} parent
   * @param {boolean} [isPreformatted]
   */
  read(parent, isPreformatted = false) {
    for (const node of parent.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) this.#append(node.nodeValue ?? "", isPreformatted);
      else if (node.nodeType === Node.ELEMENT_NODE) this.#readElement(node, isPreformatted);
    }
  }

  endLine() {
    const line = this.#line.replace(WHITE, " ").replace(/^ | $/gu, "");
    this.#line = "";
    if (line) this.lines.push(line);
  }

  /**
   * @param {Node} element
   * @param {boolean} isPreformatted
   */
  #readElement(element, isPreformatted) {
    const name = element.nodeName.toLowerCase();
    if (BLOCKS.has(name)) this.endLine();
    this.read(element, isPreformatted || name === "pre");
    if (BLOCKS.has(name)) this.endLine();
  }

  /**
   * @param {string} text
   * @param {boolean} isPreformatted
   */
  #append(text, isPreformatted) {
    const [first = "", ...others] = isPreformatted ? text.split("\n") : [text];
    this.#line += first;
    for (const other of others) {
      this.endLine();
      this.#line = other;
    }
  }
}

/** The elements that are open. */
class Nesting {
  /** @type {string[]} */
  #open = [];

  get #innermost() {
    return this.#open.at(-1) ?? "";
  }

  /**
   * @param {string} name
   * @param {boolean} isClosed
   */
  fitsStart(name, isClosed) {
    if (!ELEMENTS.has(name) || this.#innermost === "title") return false;
    if (isClosed && !VOID.has(name)) return false;
    if (DOCUMENT.has(name) || RAW.has(name)) return true;
    const parents = PARENTS.get(name);
    if (parents ? !this.#closeUpTo(parents) : TABLE_PARTS.has(this.#innermost)) return false;
    if (CLOSING_P.has(name) && this.#hasParagraph() && this.#open.pop() !== "p") return false;
    if (HEADINGS.has(name) && HEADINGS.has(this.#innermost)) return false;
    if (name === "a" && this.#open.includes("a")) return false;
    if (name === "title" && this.#open.length > 0) return false;
    if (!VOID.has(name)) this.#open.push(name);
    return this.#open.length <= DEPTH_LIMIT;
  }

  /** @param {string} name */
  fitsEnd(name) {
    if (!ELEMENTS.has(name) || VOID.has(name) || RAW.has(name)) return false;
    if (DOCUMENT.has(name)) return this.#innermost !== "title";
    // Without a paragraph, a browser adds an empty one, which ends a line.
    if (name === "p" && !this.#hasParagraph()) {
      return !TABLE_PARTS.has(this.#innermost) && this.#innermost !== "title";
    }
    if (!this.#closeUpTo(new Set([name]))) return false;
    this.#open.pop();
    return true;
  }

  /** A comment or a document type, which are text in a title. */
  fitsMark() {
    return this.#innermost !== "title";
  }

  /** @param {string} text */
  fitsText(text) {
    if (TABLE_PARTS.has(this.#innermost) && /[^ \t\n\f]/u.test(text)) return false;
    return [...text.matchAll(NUMBER)].every(({ groups = {} }) => {
      const digits = groups.hexadecimal ?? groups.decimal ?? "";
      const code = Number.parseInt(digits, groups.hexadecimal ? 16 : 10);
      return digits.length <= DIGITS && code <= LAST_CODE && !UNPLAIN.test(String.fromCodePoint(code));
    });
  }

  /** @param {ReadonlySet<string>} allowed */
  #closeUpTo(allowed) {
    while (!allowed.has(this.#innermost)) {
      if (!OPTIONAL_END.has(this.#innermost)) return false;
      this.#open.pop();
    }
    return true;
  }

  #hasParagraph() {
    const name = this.#open.findLast((each) => each === "p" || SCOPES.has(each));
    return name === "p";
  }
}

/**
 * What a question in HTML says.
 *
 * @typedef {object} HtmlText
 * @property {readonly string[]} lines The text, in lines without a line break; none is empty.
 * @property {number} scripts How many there are, of which nothing is in `lines`; so the others.
 * @property {number} styles
 * @property {number} comments
 * @property {number} pictures
 */

/**
 * Return the text of a question in HTML.
 *
 * It is null if the source is what has to be shown: it is not written plainly enough, it is too long
 * or too deep, it has no text, or there is no parser of HTML, as in Node and on a page whose Content
 * Security Policy does not allow the policy `counterseal-html` of Trusted Types.
 *
 * @param {string} source
 * @returns {HtmlText | null}
 */
export function readHtml(source) {
  const unified = source.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  const stripped = typeof DOMParser === "undefined" ? null : strip(unified);
  if (!stripped) return null;
  const { tokens, counts } = stripped;
  const parsed = parse(tokens.join(""));
  if (!parsed) return null;
  const reader = new Reader();
  reader.read(parsed);
  reader.endLine();
  if (reader.lines.length === 0) return null;
  return {
    lines: reader.lines,
    scripts: counts.script,
    styles: counts.style,
    comments: counts.comment,
    pictures: counts.img,
  };
}

/**
 * Return the document of a source, which has no window; null if the page may not parse one.
 *
 * With this type, a table ends a paragraph; any other type in the source is ignored.
 *
 * @param {string} source
 * @returns {Document | null}
 */
function parse(source) {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  const html = `${DOCUMENT_TYPE}${source}`;
  try {
    policy ??= trustedTypes?.createPolicy(POLICY, {
      createHTML: (/** @type {string} */ text) => text,
    });
    return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** @type {{createHTML: (source: string) => any} | undefined} */
let policy;

/**
 * Return the tokens of a source, and how many comments, scripts, styles and pictures there are; null
 * if it is not written so plainly that every parser reads the same.
 *
 * The tokens have no attributes, and an empty comment in the place of each comment, script and
 * style. So nothing of what they hold is parsed, and no text touches another one.
 *
 * @param {string} source With line feeds only.
 */
export function strip(source) {
  if ([...source].length > LENGTH_LIMIT) return null;
  if (source.includes("\0") || source.startsWith("\ufeff")) return null;
  const counts = { script: 0, style: 0, comment: 0, img: 0 };
  const tokens = [];
  const nesting = new Nesting();
  let position = 0;
  while (position < source.length) {
    TOKEN.lastIndex = position;
    const token = TOKEN.exec(source);
    if (!token?.groups) return null;
    position = TOKEN.lastIndex;
    const { comment, start, closed, end, text } = token.groups;
    if (text !== undefined) {
      if (!nesting.fitsText(text)) return null;
      tokens.push(text);
    } else if (end !== undefined) {
      if (!nesting.fitsEnd(end.toLowerCase())) return null;
      tokens.push(`</${end}>`);
    } else if (start !== undefined) {
      const name = start.toLowerCase();
      if (!nesting.fitsStart(name, closed === "/")) return null;
      if (name === "script" || name === "style" || name === "img") counts[name] += 1;
      tokens.push(RAW.has(name) ? COMMENT : `<${name}>`);
      if (RAW.has(name)) position = endOfRaw(name, source, position);
      if (position < 0) return null;
    } else {
      if (!nesting.fitsMark()) return null;
      if (comment !== undefined) counts.comment += 1;
      tokens.push(comment === undefined ? DOCUMENT_TYPE : COMMENT);
    }
  }
  return { tokens, counts };
}

/**
 * Return where the end tag of a script or style ends, or -1.
 *
 * @param {string} name
 * @param {string} source
 * @param {number} start Where its content begins.
 */
function endOfRaw(name, source, start) {
  const end = new RegExp(`</${name}${SPACE}*>`, "giu");
  end.lastIndex = start;
  const match = end.exec(source);
  if (!match) return -1;
  const content = source.slice(start, match.index);
  const isAmbiguous = content.includes("</") || (name === "script" && content.includes("<!--"));
  return isAmbiguous ? -1 : end.lastIndex;
}
