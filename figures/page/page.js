"use strict";
// The state of the page, its figures, and what happens when it is used.

const FOLDED = 64, WINDOW = 48; // texts of more than 64 tokens show a window of 48
const $ = (id) => document.getElementById(id);

const DEFAULTS = { text: 0, beside: -1, head: [PAGE.head], mode: "mean", token: [], level: PAGE.level,
  special: "shown", threshold: 2, start: 0, measure: "entropy", sort: false, difference: false };
let state = { ...DEFAULTS };
let figures = []; // on the page now
let hovered = null; // { figure, row, cell } under the pointer or focused

const panelShown = () => PAGE.panels[state.text];
const panelBeside = () => PAGE.panels[state.beside] || null;

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
  const { names } = PAGE.panels[next.text];
  next.head = (given.get("head") || "").split(",").filter((name) => names.includes(name));
  if (!next.head.length) next.head = names.includes(PAGE.head) ? [PAGE.head] : [names[0]];
  const { length } = atLevel(PAGE.panels[next.text], next.level).labels;
  next.token = (given.get("token") || "").split(",").filter(Boolean).map(Number)
    .filter((i) => Number.isInteger(i) && i >= 0 && i < length);
  state = next;
}

function set(changes) {
  Object.assign(state, changes);
  const { names } = panelShown();
  state.head = state.head.filter((name) => names.includes(name));
  if (!state.head.length) state.head = [names[0]];
  writeHash();
  render();
}

// ---- From state to what is drawn.

const placesOf = (panel) => state.head.map((name) => panel.names.indexOf(name));

// What is seen of a panel, as Figure takes it; null where it lacks a head.
function viewOf(panel) {
  const places = placesOf(panel);
  if (places.includes(-1)) return null;
  const { labels } = atLevel(panel, state.level), positions = keptRows(panel, state.level, state.special);
  const all = places.map((place) => shownMatrix(panel, place, state)), mean = meanOf(all);
  const matrices = state.mode === "overlay" ? all : [mean];
  const scale = Math.max(...matrices.map(largestOf)) || 1;
  const size = positions.length > FOLDED ? WINDOW : positions.length;
  return { labels: positions.map((i) => labels[i]), positions, matrices, mean, scale, diverging: false,
    threshold: (state.threshold / 100) * (panel.quantity === "attention" ? 1 : scale),
    start: Math.max(0, Math.min(state.start, positions.length - size)), size };
}

// The first view less the second, null where they are not of the same tokens.
function differenceOf(one, other) {
  if (!one || !other || !sameTokens(one, other)) return null;
  const mean = one.mean.map((value, k) => value - other.mean[k]);
  return { ...one, matrices: [mean], mean, scale: largestOf(mean) || 1, diverging: true };
}

const caption = (panel) => `${panel.model} · ${state.head.join(", ")} · ${panel.name}`;

function drawFigures() {
  const box = $("figures"), active = document.activeElement?.closest(".token");
  const focused = active && { at: figures.findIndex(({ svg }) => svg.contains(active)), ...active.dataset };
  const shown = [[caption(panelShown()), viewOf(panelShown())]];
  if (panelBeside()) {
    shown.push([caption(panelBeside()), viewOf(panelBeside())]);
    const difference = differenceOf(shown[0][1], shown[1][1]);
    $("difference").disabled = !difference;
    if (state.difference && difference) shown.push(["the first less the second", difference]);
  }
  const across = Math.max(1, Math.min(shown.length, Math.floor(box.clientWidth / 330)));
  const width = Math.floor(box.clientWidth / across) - (across > 1 ? 32 : 0);
  hovered = null;
  figures = [];
  box.replaceChildren(...shown.map(([title, view]) => {
    const frame = html("figure"), text = html("figcaption", "", shown.length > 1 ? title : "");
    frame.append(text);
    if (!view) {
      text.textContent = `${title}: these maps have no such head`;
      return frame;
    }
    const figure = new Figure(view, width);
    figure.svg.setAttribute("aria-label", `Attention, ${title}`);
    Object.assign(figure, { caption: title });
    figure.left[0].group.setAttribute("tabindex", 0);
    frame.append(figure.svg);
    figures.push(figure);
    return frame;
  }));
  showFocus();
  const again = focused && figures[focused.at]?.[focused.side][focused.row - figures[focused.at].start];
  again?.group.focus();
}

const sameTokens = (one, other) => one === other || String(one.labels) === String(other.labels);

// Show what is hovered, else what is pinned.
function showFocus() {
  let said = "";
  for (const figure of figures) {
    const pinned = sameTokens(figures[0], figure)
      ? state.token.map((i) => figure.positions.indexOf(i)).filter((row) => row >= 0) : [];
    const own = hovered?.figure === figure, same = hovered && sameTokens(hovered.figure, figure);
    const rows = same ? [hovered.row] : pinned, cell = same ? hovered.cell : null;
    const sums = figure.show(rows, pinned, cell);
    if (!said && rows.length && (own || !hovered)) said = spoken(figure, rows, sums, cell);
  }
  $("readout").textContent =
    said || "Point at a token or a cell to see the numbers; click to pin it.";
  $("unpin").disabled = !state.token.length;
  $("legend").replaceChildren(...legend(said !== ""));
}

// What the colours and the strength of lines mean.
function legend(focused) {
  const bold = (className, text) => html("b", className, text);
  if (focused) {
    return [bold("from", "from it"), " numbers at the right · ",
      bold("to", "to it"), " numbers at the left"];
  }
  if (state.mode === "mean" || state.head.length === 1) {
    return ["A line is as strong as its weight; the strongest is the largest shown."];
  }
  return state.head.map((name, k) => {
    const label = bold("", `${name} `);
    label.style.color = palette.series[k % palette.series.length];
    return label;
  });
}

// What is hovered or pinned, in words, with the largest numbers.
function spoken(figure, rows, { from, to }, cell) {
  const { n, start, end, mean, scale } = figure;
  const name = (row) => figure.labels[row], number = (value) => formatted(value, scale);
  if (cell) return `from ${name(cell[0])} to ${name(cell[1])}: ${number(mean[cell[0] * n + cell[1]])}`;
  const list = (values) => Array.from(values, (value, row) => [value, row])
    .sort((a, b) => Math.abs(b[0]) - Math.abs(a[0])).slice(0, 4)
    .map(([value, row]) => `${name(row)} ${number(value)}`).join(", ");
  const outside = from.filter((_, row) => row < start || row >= end).reduce((a, b) => a + b, 0);
  const folded = end - start < n ? ` (outside the window ${number(outside)})` : "";
  const who = rows.map(name).join(" + ") + (rows.length > 1 ? ", mean" : "");
  return `${who} — from it: ${list(from)}${folded} — to it: ${list(to)}`;
}

function render() {
  renderSwitches();
  drawFigures();
  renderText();
  renderOverview();
}

// ---- Events.

for (const key of ["text", "beside", "threshold", "start"]) $(key).addEventListener("input", () => {
  const value = Number($(key).value);
  set(key === "text" ? { text: value, token: [], start: 0 } : { [key]: value });
});
for (const key of ["special", "mode", "measure"]) {
  $(key).addEventListener("input", () => set({ [key]: $(key).value }));
}
$("level").addEventListener("input", () => set({ level: $("level").value, token: [], start: 0 }));
$("difference").addEventListener("input", () => set({ difference: $("difference").checked }));
$("sorted").addEventListener("input", () => set({ sort: $("sorted").checked }));
$("unpin").addEventListener("click", unpin);
$("several").addEventListener("click", () => {
  const on = $("several").getAttribute("aria-pressed") !== "true";
  $("several").setAttribute("aria-pressed", String(on));
});
const fileName = (ending) => `head-${state.head.join("_")}.${ending}`;
$("svg").addEventListener("click", () => saveAs(fileName("svg"), svgAddress(joinedSvg(figures).text)));
$("png").addEventListener("click", async () => saveAs(fileName("png"), await pngAddress(joinedSvg(figures))));

function unpin() {
  hovered = null;
  state.token = [];
  writeHash();
  showFocus();
}

function chooseHead(name, add) {
  const rest = state.head.filter((other) => other !== name);
  if (!add) set({ head: [name] });
  else set({ head: rest.length < state.head.length && rest.length ? rest : [...rest, name] });
}

$("heads").addEventListener("click", (event) => {
  const button = event.target.closest(".head");
  if (!button) return;
  chooseHead(button.dataset.head, event.shiftKey || $("several").getAttribute("aria-pressed") === "true");
  if ($("detail").getBoundingClientRect().bottom < 80) $("detail").scrollIntoView();
});

// The token or the cell that an event is about.
function target(event) {
  const figure = figures.find(({ svg }) => svg.contains(event.target));
  if (!figure) return null;
  if (event.target === figure.image) {
    const cell = figure.cellAt(event);
    return { figure, row: cell[0], cell };
  }
  const token = event.target.closest(".token");
  return token && { figure, row: Number(token.dataset.row), cell: null };
}

function hover(event) {
  const next = target(event), where = (at) => String([at.row, at.cell]);
  const same = next && next.figure === hovered?.figure && where(next) === where(hovered);
  if (same || (!next && !hovered)) return;
  hovered = next;
  showFocus();
}

for (const kind of ["pointerover", "pointermove", "focusin"]) $("figures").addEventListener(kind, hover);
for (const kind of ["pointerleave", "focusout"]) $("figures").addEventListener(kind, () => {
  hovered = null;
  showFocus();
});

// Pin or unpin a token; those of another sentence beside the first cannot be pinned.
function pin({ figure, row, cell }) {
  if (!sameTokens(figures[0], figure)) return;
  const position = figure.positions[row], rest = state.token.filter((i) => i !== position);
  state.token = rest.length < state.token.length ? rest : [...rest, position];
  const moves = cell && (row < figure.start || row >= figure.end);
  if (moves) return set({ start: Math.max(0, row - WINDOW / 2) });
  writeHash();
  showFocus();
}

$("figures").addEventListener("click", (event) => {
  const found = target(event);
  if (found) pin(found);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return unpin();
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
  const { heads } = panelShown();
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -heads, ArrowDown: heads }[event.key];
  const token = event.target.closest(".token");
  if (token && (event.key === "Enter" || event.key === " ")) pin(target(event));
  else if (token && Math.abs(step) > 1) moveToken(token, Math.sign(step));
  else if (step) moveHead(step, event);
  else return;
  event.preventDefault();
});

function moveToken(token, way) {
  const next = way < 0 ? token.previousElementSibling : token.nextElementSibling;
  if (next?.dataset.side !== token.dataset.side) return;
  token.setAttribute("tabindex", -1);
  next.setAttribute("tabindex", 0);
  next.focus();
}

function moveHead(step, event) {
  const { names } = panelShown(), inGrid = event.target.closest(".head");
  const at = order.indexOf(names.indexOf(inGrid?.dataset.head || state.head.at(-1))) + step;
  if (at < 0 || at >= order.length) return;
  const name = names[order[at]];
  chooseHead(name, event.shiftKey);
  if (inGrid) Array.from($("heads").children).find((b) => b.dataset.head === name).focus();
}

window.addEventListener("hashchange", () => { readHash(); render(); });
let later = 0;
window.addEventListener("resize", () => {
  clearTimeout(later);
  later = setTimeout(render, 100);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readPalette(); render(); });

window.addEventListener("beforeprint", () => { document.querySelector("details").open = true; });

readPalette();
readHash();
fillSelects();
render();
