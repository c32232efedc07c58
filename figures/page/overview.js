"use strict";
// All heads: a small map of each, in a grid that can be ordered by a measure.

const SMALLEST = 26; // pixels that a small map takes at least, its frame included

let order = []; // places in layer-major order, as they stand in the grid
let drawn = ""; // what the small maps show
let drawing = 0; // the run that draws them now
const measured = { key: "", values: [] }; // of every head

const measureKeys = (panel) => [...Object.keys(MEASURES), ...Object.keys(panel.known?.measures || {})];

// How many maps stand side by side: those of a layer, or half of them and so on where
// they would be too small; of whole layers a dozen.
function columns(panel) {
  let across = kindOf(panel) === "layer" ? Math.min(12, panel.names.length) : panel.heads;
  while (across > 4 && $("heads").clientWidth / across < SMALLEST) across = Math.ceil(across / 2);
  return across;
}

function renderOverview() {
  const panel = panelShown(), grid = $("heads");
  const measure = measureKeys(panel).includes(state.measure) ? state.measure : "entropy";
  const called = MEASURES[measure]?.name || measure;
  const chosen = headsIn(panel), compared = measure === "distance" ? chosen[0] : "";
  const key = [state.text, state.level, state.special, palette.paper].join();
  const valuesKey = [state.text, state.level, measure, compared].join();
  if (measured.key !== valuesKey) {
    measured.values = measureHeads(panel, measure, state.level, compared);
    measured.key = valuesKey;
  }
  const values = measured.values, highest = Math.max(...values.filter(Number.isFinite), 0);
  const rank = (place) => (Number.isFinite(values[place]) ? values[place] : -Infinity);
  order = panel.names.map((_, place) => place);
  if (state.sort) order.sort((a, b) => rank(b) - rank(a) || a - b);
  if (drawn !== key || grid.childElementCount !== order.length) {
    grid.replaceChildren(...panel.names.map((name) => headButton(panel, name)));
    drawn = key;
    drawThumbs(panel, key);
  }
  grid.style.gridTemplateColumns = `repeat(${columns(panel)}, minmax(0, 76px))`;
  const buttons = Object.fromEntries(Array.from(grid.children, (b) => [b.dataset.head, b]));
  order.forEach((place, at) => {
    const name = panel.names[place], button = buttons[name], value = values[place];
    if (grid.children[at] !== button) grid.insertBefore(button, grid.children[at]);
    button.style.setProperty("--share", highest > 0 && value > 0 ? value / highest : 0);
    button.setAttribute("aria-pressed", String(chosen.includes(name)));
    button.tabIndex = name === chosen.at(-1) ? 0 : -1;
    const notes = panel.known?.notes[name] || [], label = `${called} ${formatted(value)}`;
    button.title = [name, label, ...notes].join("\n");
    button.setAttribute("aria-label", `${kindOf(panel)} ${name}, ${[label, ...notes].join(", ")}`);
  });
  const source = panel.known?.measures[measure] ? "" : ", on this text, special tokens included";
  $("overview-remark").textContent =
    `Bars and colours: ${called}${source}. The largest is ${formatted(highest)}.`;
}

// The first note, which may break after the colon of a relation.
const shortNote = (note = "") => note.replace(" %", "\u00a0%").replaceAll(":", ":\u200b");

function headButton(panel, name) {
  const button = html("button", "head"), bar = html("span", "bar");
  button.type = "button";
  button.dataset.head = name;
  bar.append(html("i"));
  button.append(html("canvas"), bar, html("span", "name", name));
  const notes = panel.known?.notes[name];
  if (panel.known) button.append(html("span", "note", shortNote(notes?.[0])));
  return button;
}

// Draw small maps for ten milliseconds at a time, so that the page answers meanwhile.
function drawThumbs(panel, key) {
  const run = ++drawing, canvases = Array.from($("heads").querySelectorAll("canvas"));
  const n = keptRows(panel, state.level, state.special).length, options = { ...state };
  let place = 0;
  const some = () => {
    const until = performance.now() + 10;
    while (run === drawing && place < canvases.length && performance.now() < until) {
      drawThumb(canvases[place], shownMatrix(panel, place, options), n);
      place++;
    }
    if (run === drawing && place < canvases.length) setTimeout(some);
    else if (run === drawing) $("heads").dataset.drawn = key;
  };
  some();
}
