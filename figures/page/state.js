"use strict";
// What is chosen on the page, and the address that holds it.

const FOLDED = 64, WINDOW = 48; // texts of more than 64 tokens show a window of 48
const $ = (id) => document.getElementById(id);

const DEFAULTS = { text: 0, beside: -1, head: [PAGE.head], mode: "mean", token: [], level: PAGE.level,
  special: "shown", threshold: 2, start: 0, measure: "entropy", sort: false, difference: false };
let state = { ...DEFAULTS };
let figures = []; // on the page now
let hovered = null; // { figure, row, cell } under the pointer or focused

const panelShown = () => PAGE.panels[state.text];
const panelBeside = () => PAGE.panels[state.beside] || null;

// ---- A group of panels is one text through one encoder, in several quantities.

const groupOf = (panel) => PAGE.panels.filter(({ group }) => group === panel.group);

// The number of the panel of this quantity in the group of another, or of that itself.
function withQuantity(number, quantity) {
  const found = PAGE.panels.findIndex((panel) =>
    panel.group === PAGE.panels[number]?.group && panel.quantity === quantity);
  return found < 0 ? number : found;
}

// The name that a head has in a panel, or none. Where maps are of whole layers, "3-9"
// is called "3".
function nameIn(panel, name) {
  if (panel.names.includes(name)) return name;
  const [layer, head] = name.split("-");
  if (!head) return panel.names.find((other) => other.startsWith(`${layer}-`));
  return panel.names.find((other) => other === layer);
}

const kindOf = (panel) => (panel.names[0].includes("-") ? "head" : "layer");

// The names of the chosen heads in a panel; undefined for those it lacks.
const headsIn = (panel) => [...new Set(state.head.map((name) => nameIn(panel, name)))];

function headTitle(panel) {
  const names = headsIn(panel);
  return `${kindOf(panel)}${names.length > 1 ? "s" : ""} ${names.join(", ")}`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

// ---- State and address.

function writeHash() {
  const parts = Object.entries(state)
    .filter(([key, value]) => String(value) !== String(DEFAULTS[key]) || key === "head")
    .map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  // a frame in a notebook has no address of its own
  if (location.protocol !== "about:") history.replaceState(null, "", `#${parts.join("&")}`);
}

// What the address says, as far as it fits what the page holds.
function readHash() {
  const given = new URLSearchParams(location.hash.slice(1)), next = { ...DEFAULTS };
  const whole = (key, low, high) => {
    const number = Number(given.get(key));
    if (given.has(key) && Number.isInteger(number) && number >= low && number <= high) next[key] = number;
  };
  const oneOf = (key, values) => { if (values.includes(given.get(key))) next[key] = given.get(key); };
  whole("text", 0, PAGE.panels.length - 1);
  whole("beside", 0, PAGE.panels.length - 1);
  whole("threshold", 0, 50);
  whole("start", 0, 1e6);
  oneOf("mode", ["mean", "overlay"]);
  oneOf("level", ["tokens", "words"]);
  oneOf("special", ["shown", "hidden", "renormalised"]);
  oneOf("measure", measureKeys(PAGE.panels[next.text]));
  for (const key of ["sort", "difference"]) next[key] = given.get(key) === "true";
  const panel = PAGE.panels[next.text];
  next.head = (given.get("head") || "").split(",").filter((name) => nameIn(panel, name));
  if (!next.head.length) next.head = [nameIn(panel, PAGE.head) || panel.names[0]];
  const { length } = atLevel(panel, next.level).labels;
  next.token = (given.get("token") || "").split(",").filter(Boolean).map(Number)
    .filter((i) => Number.isInteger(i) && i >= 0 && i < length);
  state = next;
}

function set(changes) {
  Object.assign(state, changes);
  const panel = panelShown();
  state.head = state.head.filter((name) => nameIn(panel, name));
  if (!state.head.length) state.head = [panel.names[0]];
  writeHash();
  render();
}
