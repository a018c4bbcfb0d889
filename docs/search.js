/*
 * The order of what the site's search finds; Sphinx writes this into language_data.js.
 *
 * First comes the page that search_words.py names for the words. Then whole words come before
 * parts of words, and pages that help with a task before facts, reasons and decisions. Names of
 * Python are listed where the words look like one, or where the reader asks for them.
 */

/** Each kind of page, and what it is worth: less than the step between whole words and parts. */
const FOLDERS = [
  [/^(index|tutorial\/|how-to\/)/, 400],
  [/^explanation\//, 300],
  [/^reference\/(api|packages)\//, 100],
  [/^reference\//, 250],
];
const WHOLE = 1000;
const NAMED = 10_000;
const PYTHON_NAME = /[_.]\p{Letter}|\p{Lowercase}\p{Uppercase}|\(\)$/u;

const query = () => new URLSearchParams(window.location.search).get("q") ?? "";
const namesAsked = () => new URLSearchParams(window.location.search).has("names");

/** The stems of the words of a text, as one text. */
const stems = (text) => {
  const stemmer = new Stemmer();
  return splitQuery(text.toLowerCase()).map((word) => stemmer.stemWord(word)).join(" ");
};

const isWhole = (title) => ` ${stems(title)} `.includes(` ${stems(query())} `);

const hasAllWords = (title) => {
  const words = new Set(stems(title).split(" "));
  return stems(query()).split(" ").every((word) => words.has(word));
};

const worthOf = (page) => FOLDERS.find(([folder]) => folder.test(page))?.[1] ?? 0;

/* Sphinx reads these: a result of a text has one of the four scores. */
Scorer = {
  ...Scorer,
  title: 6,
  term: 4,
  partialTitle: 2,
  partialTerm: 1,
  score([page, title, _anchor, _description, score, _file, kind]) {
    if (kind === "index") {
      return score === 100 ? NAMED : WHOLE;
    }
    if (kind === "object") {
      return (PYTHON_NAME.test(query()) ? 2 * WHOLE : 0) + score;
    }
    if (kind === "title") {
      const text = title.split(" > ").at(-1);
      const exact = stems(text) === stems(query()) && !page.startsWith("reference/api/");
      return (isWhole(text) ? WHOLE : 0) + (exact ? 500 : 0) + worthOf(page) + 10 * score;
    }
    const more = hasAllWords(title) ? 40 : 0;
    return (score >= Scorer.term ? WHOLE : 0) + worthOf(page) + more + score;
  },
};

const findResults = Search._performSearch;

Search._performSearch = (words, ...parameters) => {
  // An entry in another form of the same words, such as the plural, is found by its own.
  const isMain = ([, pages]) => pages.some(([, , main]) => main);
  const same = Object.entries(Search._index.indexentries).find(
    (entry) => isMain(entry) && stems(entry[0]) === stems(words),
  );
  const results = findResults(same?.[0] ?? words, ...parameters);
  const isName = ([page, , , , , , kind]) =>
    kind === "object" || (kind === "index" && page.startsWith("reference/api/"));
  const others = results.filter((result) => !isName(result));
  if (namesAsked() || PYTHON_NAME.test(words) || others.length === 0) {
    return results;
  }
  if (others.length < results.length) {
    offerNames(results.length - others.length);
  }
  return others;
};

/** Show a link to the same search with names of Python. */
const offerNames = (count) => {
  const link = document.createElement("a");
  const address = new URL(window.location);
  address.searchParams.set("names", "yes");
  link.href = address;
  link.textContent = `Also list ${count} Python ${count === 1 ? "name" : "names"}`;
  const paragraph = document.createElement("p");
  paragraph.append(link);
  Search.output.before(paragraph);
};
