"use strict";
// What the switches offer, and what stands around the figures in words.

const option = (value, text) => Object.assign(html("option", "", text), { value });

function fillSelects() {
  const models = new Set(PAGE.panels.map((p) => p.model)).size > 1;
  const cut = (name) => (name.length > 60 ? `${name.slice(0, 59)}…` : name);
  const short = (p) => `${p.group + 1}: ${models ? `${p.model} · ` : ""}${cut(p.name)}`;
  const whole = (p) => short(p) + (groupOf(p).length > 1 ? ` · ${p.quantity}` : "");
  const firsts = PAGE.panels.filter((p) => groupOf(p)[0] === p);
  const options = (panels, name) => panels.map((p) => option(PAGE.panels.indexOf(p), name(p)));
  $("text").replaceChildren(...options(firsts, short));
  $("beside").replaceChildren(option(-1, "nothing"), ...options(PAGE.panels, whole));
}

function renderSwitches() {
  const panel = panelShown(), group = groupOf(panel);
  const n = keptRows(panel, state.level, state.special).length;
  $("text-label").hidden = group.length === PAGE.panels.length;
  $("beside-label").hidden = PAGE.panels.length === 1;
  $("quantity-label").hidden = group.length === 1;
  $("quantity").replaceChildren(...group.map(({ quantity }) => option(quantity, quantity)));
  $("difference-label").hidden = !panelBeside();
  $("level-label").hidden = !panel.words;
  $("start-label").hidden = n <= FOLDED;
  $("mode-label").hidden = headsIn(panel).length < 2;
  $("measure").replaceChildren(
    ...measureKeys(panel).map((key) => option(key, MEASURES[key]?.name || key)));
  $("text").value = PAGE.panels.indexOf(group[0]);
  $("quantity").value = panel.quantity;
  for (const key of ["beside", "level", "special", "threshold", "mode", "measure"]) {
    $(key).value = state[key];
  }
  $("start").max = Math.max(0, n - WINDOW);
  $("start").value = state.start;
  $("sorted").checked = state.sort;
  $("difference").checked = state.difference;
  const first = Number($("start").value);
  $("start-value").textContent = `${first} to ${first + WINDOW - 1} of ${n}`;
  $("threshold-value").textContent = panel.quantity === "attention"
    ? (state.threshold / 100).toFixed(2) : `${state.threshold} % of the largest`;
}

// Words that change the direction of writing, kept from changing that of the others.
const isolated = (text) =>
  text.replace(/\S*[\u202A-\u202E\u2066-\u2069]\S*/g, (word) => `\u2068${word}\u2069`);

function renderText() {
  const panel = panelShown();
  const words = panel.level === "words" || (state.level === "words" && panel.words);
  $("sentence").textContent = isolated(panel.name);
  $("model").textContent = `${panel.model} · ${panel.quantity} between ${words ? "words" : "pieces"}`;
  $("head-name").textContent = capital(headTitle(panel));
  $("overview-name").textContent = `All ${kindOf(panel)}s`;
  $("notes").textContent = headsIn(panel).flatMap((name) => panel.known?.notes[name] || []).join(" · ");
  $("remarks").textContent = remarks().join(" ");
  const facts = [panel, panelBeside()].filter(Boolean).map((of) => {
    const list = html("dl");
    for (const [name, value] of Object.entries({ Model: of.model, ...of.facts })) {
      list.append(html("dt", "", name), html("dd", "", value));
    }
    return list;
  });
  $("facts").replaceChildren(...facts);
}

// What is to be known of the figures that are shown.
function remarks() {
  const hidden = "Special tokens are hidden", any = (test) => figures.some(test);
  return [
    ...new Set([panelShown(), panelBeside()].filter(Boolean).map((panel) => panel.meaning)),
    state.special === "hidden" && `${hidden}: what goes to them is not shown, and rows do not sum to one.`,
    state.special === "renormalised" && `${hidden}, and each row is divided by its sum.`,
    any((figure) => figure.leftOut) && `Only the strongest ${MOST_LINES} lines are drawn.`,
    state.mode === "overlay" && headsIn(panelShown()).length > 1
      && "Lines are of each head; numbers and matrix are their mean.",
    any((figure) => figure.size < figure.n)
      && "The lines show the framed window of the matrix; click in the matrix to move it.",
  ].filter(Boolean);
}
