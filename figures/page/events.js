"use strict";
// What happens when the page is used.

for (const key of ["beside", "threshold", "start"]) {
  $(key).addEventListener("input", () => set({ [key]: Number($(key).value) }));
}
$("text").addEventListener("input", () => {
  const text = withQuantity(Number($("text").value), panelShown().quantity);
  set({ text, token: [], start: 0 });
});
// The panel beside changes with the first where both are of the same quantity.
$("quantity").addEventListener("input", () => {
  const { value } = $("quantity"), together = panelBeside()?.quantity === panelShown().quantity;
  const beside = together ? withQuantity(state.beside, value) : state.beside;
  set({ text: withQuantity(state.text, value), beside });
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
const fileName = (ending) =>
  `${kindOf(panelShown())}-${headsIn(panelShown()).join("_")}.${ending}`;
$("svg").addEventListener("click", () => saveAs(fileName("svg"), svgAddress(joinedSvg(figures).text)));
$("png").addEventListener("click", async () => saveAs(fileName("png"), await pngAddress(joinedSvg(figures))));

function unpin() {
  hovered = null;
  state.token = [];
  writeHash();
  showFocus();
}

function chooseHead(name, add) {
  const names = headsIn(panelShown()), rest = names.filter((other) => other !== name);
  if (!add) set({ head: [name] });
  else set({ head: rest.length < names.length && rest.length ? rest : [...rest, name] });
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
  const across = columns(panelShown());
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
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
  const from = inGrid?.dataset.head || headsIn(panelShown()).at(-1);
  const at = order.indexOf(names.indexOf(from)) + step;
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
