/** The link from a view to the list of requests. */

import { element } from "./dom.js";
import { say } from "./texts.js";

export const homeLink = () => element("p", {}, element("a", { class: "button main", href: "#/" }, say("home.go")));
