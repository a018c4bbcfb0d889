/*
 * What the theme leaves out for people who use a keyboard or a screen reader.
 *
 * What scrolls sideways gets a place in the order of Tab, and a name; what fits has neither, so
 * that nobody need press Tab for it. The parts of a page beside its text get names.
 */

const kinds = { PRE: "Code", DIV: "Table" };
const parts = {
  ".sidebar-drawer": "All pages",
  ".toc-drawer": "On this page",
  ".content-icon-container": "Source and colours",
};

/** The heading above an element, without the sign of its link. */
const headingOf = (element) =>
  element.closest("section")?.querySelector("h1, h2, h3, h4")?.firstChild?.textContent ?? "";

const markScrolling = () => {
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

const nameParts = () => {
  for (const [selector, name] of Object.entries(parts)) {
    const part = document.querySelector(selector);
    if (part !== null) {
      part.ariaLabel = name;
      if (part.localName === "div") part.setAttribute("role", "region");
    }
  }
};

document.addEventListener("DOMContentLoaded", nameParts);
window.addEventListener("load", markScrolling);
window.addEventListener("resize", markScrolling);
