"""The browsers in which pages are looked at, and what is required of every page."""

import os

PATIENCE = 240_000
"""Milliseconds, for a machine on which nothing is soon."""

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
VIEWS = {"phone-light": {"viewport": PHONE}}
if "BROWSER_FULL" in os.environ:
    VIEWS |= {
        "desk-dark": {"viewport": DESK, "color_scheme": "dark"},
        "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
        "desk-light": {"viewport": DESK},
    }

LISTEN = """() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
  });
}"""
"""What every page runs first, so that it can be checked."""

STRUCTURE = """() => {
  const references = new Set(["for", "list", "aria-labelledby", "aria-describedby",
    "aria-controls", "aria-owns", "aria-details", "aria-errormessage", "aria-activedescendant"]);
  const texts = new Set(["aria-label", "aria-description", "aria-placeholder",
    "aria-roledescription", "aria-valuetext"]);
  const values = new Set(["class", "role", "type", "style"]);
  const described = (id) => {
    const named = document.querySelectorAll(`[id="${CSS.escape(id)}"]`);
    return [...named].map((element) => element.localName).join("+") || "nothing";
  };
  const value = (element, name) => {
    const text = element.getAttribute(name);
    if (name === "id" || references.has(name)) {
      return text.split(/\\s+/).map(described).join(" ");
    }
    if (texts.has(name)) {
      return text.trim() !== "";
    }
    return values.has(name) || name.startsWith("aria-") ? text : "";
  };
  return [...document.querySelectorAll("*")].map((element) => [
    element.localName,
    ...element.getAttributeNames().map((name) => `${name}=${value(element, name)}`),
    element.childElementCount,
    element.textContent.trim() !== "",
  ].join(" ")).join();
}"""
"""
A page without its texts and addresses.

Of ids and of references to them, it has to which elements they lead; of names, whether there is
one.
"""


class PageChecks:
    """
    What is required of every page, in whichever test it comes.

    Axe looks at one page of each structure in each view; with BROWSER_FULL, at every page.

    Args:
        axe: The fixture.
    """

    def __init__(self, axe):
        self._axe, self._structures = axe, set()

    def prepare(self, context):
        """Let the next pages of *context* have what looks at them."""
        self._axe.prepare(context)

    def require_sound(self, page, view, name):
        """Require that *page* breaks no policy and fits, and that axe finds nothing there."""
        page.wait_for_load_state()
        assert (name, page.evaluate("window.violations")) == (name, [])
        width = page.evaluate("document.documentElement.scrollWidth")
        assert (name, width) == (name, page.viewport_size["width"])
        structure = (view, page.evaluate(STRUCTURE))
        if "BROWSER_FULL" in os.environ or structure not in self._structures:
            assert (name, self._axe.violations(page)) == (name, {})
            self._structures.add(structure)
