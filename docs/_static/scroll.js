/*
 * What scrolls sideways can be scrolled by keyboard: it gets a place in the order of Tab, and a
 * name. What fits has neither, so that a reader need not press Tab for it.
 */

const kinds = { PRE: "Code", DIV: "Table" };

/** The heading above an element, without the sign of its link. */
const headingOf = (element) =>
  element.closest("section")?.querySelector("h1, h2, h3, h4")?.firstChild?.textContent ?? "";

const mark = () => {
  for (const element of document.querySelectorAll("article pre, article .table-wrapper")) {
    if (element.scrollWidth > element.clientWidth) {
      element.tabIndex = 0;
      element.setAttribute("role", "group");
      element.ariaLabel = `${kinds[element.tagName]}: ${headingOf(element)}`;
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) element.removeAttribute(name);
    }
  }
};

window.addEventListener("load", mark);
window.addEventListener("resize", mark);
