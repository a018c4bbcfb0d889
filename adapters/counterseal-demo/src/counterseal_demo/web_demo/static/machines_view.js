/** The machines: the chart of each record, its state, and how it came there. */

import { element } from "/app/dom.js";
import { drawn } from "/app/drawing.js";

/**
 * @typedef {import("./calls.js").Chart} Chart
 * @typedef {import("./calls.js").Machine} Machine
 * @typedef {import("./calls.js").MachineName} MachineName
 * @typedef {{x: number, y: number}} Point
 */

/** @type {Record<MachineName, {title: string, about: string, none: string}>} */
const WORDS = {
  binding: {
    title: "Binding: your phone",
    about: "Connects your account at the shop to the keys on your phone.",
    none: "There is no phone yet.",
  },
  challenge: {
    title: "Challenge: the question",
    about: "One question, which ends exactly once.",
    none: "The shop has not asked yet.",
  },
  callback: {
    title: "Callback: the result",
    about: "Brings the result to the shop, and is sent again until the shop accepts it.",
    none: "There is nothing to send yet.",
  },
};
const WIDTH = 340;
const NODE = { width: 118, height: 30 };
const GAP = 44;

/**
 * Return the card of one machine.
 *
 * @param {MachineName} name
 * @param {Chart} chart
 * @param {Machine} machine
 */
export function machineCard(name, chart, machine) {
  const { title, about, none } = WORDS[name];
  const moves = machine.moves.map(({ state, event, at }) =>
    element(
      "li",
      {},
      element("time", { datetime: at }, writeTime(at)),
      element("span", {}, event ? `${event} → ` : "", element("strong", {}, state)),
    ),
  );
  return element(
    "article",
    { class: "card", id: `machine-${name}` },
    element("h3", {}, title),
    element("p", { class: "quiet" }, about),
    drawChart(title, chart, machine),
    moves.length > 0 ? element("ol", { class: "moves" }, ...moves) : element("p", { class: "moves none" }, none),
  );
}

/**
 * Draw a chart: states that can change on the left, and endings on the right.
 *
 * @param {string} title
 * @param {Chart} chart
 * @param {Machine} machine
 */
function drawChart(title, chart, machine) {
  const states = machine.moves.map(({ state }) => state);
  const current = states.at(-1) ?? "";
  const points = layOut(chart);
  const height = Math.max(...[...points.values()].map(({ y }) => y)) + NODE.height / 2 + 2;
  const passed = new Set(states.slice(1).map((state, index) => `${states[index]}>${state}`));
  const steps = new Set(chart.rows.filter(({ source, target }) => source !== target).map(({ source, target }) => `${source}>${target}`));
  const paths = [...steps]
    .sort((one, other) => Number(passed.has(one)) - Number(passed.has(other)))
    .map((step) => drawStep(points, step, passed.has(step)));
  const nodes = chart.states.map((state) => {
    const { x, y } = points.get(state) ?? { x: 0, y: 0 };
    const kind = state === current ? "current" : states.includes(state) ? "passed" : "";
    const { width, height: tall } = NODE;
    return drawn(
      "g",
      { class: kind },
      drawn("rect", { x: x - width / 2, y: y - tall / 2, width, height: tall, rx: tall / 2 }),
      drawn("text", { x, y }, state),
    );
  });
  const label = `${title}: ${current || "no state yet"}. Possible states: ${chart.states.join(", ")}.`;
  const attributes = { class: "chart", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label };
  return drawn("svg", attributes, ...paths, ...nodes);
}

/**
 * Return where each state stands.
 *
 * @param {Chart} chart
 * @returns {Map<string, Point>}
 */
function layOut({ states, finished }) {
  const open = states.filter((state) => !finished.includes(state));
  const rows = Math.max(open.length, finished.length);
  /** @type {(column: string[], x: number) => [string, Point][]} */
  const stand = (column, x) => {
    const top = NODE.height / 2 + 2 + ((rows - column.length) * GAP) / 2;
    return column.map((state, index) => [state, { x, y: top + index * GAP }]);
  };
  const left = NODE.width / 2 + 16;
  return new Map([...stand(open, left), ...stand(finished, WIDTH - NODE.width / 2 - 2)]);
}

/**
 * @param {Map<string, Point>} points
 * @param {string} step
 * @param {boolean} passed
 */
function drawStep(points, step, passed) {
  const [from, to] = step.split(">").map((state) => points.get(state) ?? { x: 0, y: 0 });
  return drawn("path", { d: curve(/** @type {Point} */ (from), /** @type {Point} */ (to)), class: passed ? "passed" : "" });
}

/**
 * @param {Point} from
 * @param {Point} to
 */
function curve(from, to) {
  if (from.x !== to.x) {
    const [start, end] = [from.x + NODE.width / 2, to.x - NODE.width / 2];
    const middle = (start + end) / 2;
    return `M${start} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${end} ${to.y}`;
  }
  if (Math.abs(from.y - to.y) <= GAP) return `M${from.x} ${from.y}V${to.y}`;
  const edge = from.x - NODE.width / 2;
  return `M${edge} ${from.y}C${edge - 18} ${from.y} ${edge - 18} ${to.y} ${edge} ${to.y}`;
}

/** @param {string} at */
export const writeTime = (at) => new Date(at).toLocaleTimeString("en-GB");
