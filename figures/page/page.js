"use strict";
// From what is chosen to what is drawn, and what is said of it.

// What is seen of a panel, as Figure takes it; null where it lacks a head.
function viewOf(panel) {
  const places = headsIn(panel).map((name) => panel.names.indexOf(name));
  if (places.includes(-1)) return null;
  const { labels } = atLevel(panel, state.level), positions = keptRows(panel, state.level, state.special);
  const all = places.map((place) => shownMatrix(panel, place, state)), mean = meanOf(all);
  const matrices = state.mode === "overlay" ? all : [mean];
  const scale = Math.max(...matrices.map(largestOf)) || 1;
  const size = positions.length > FOLDED ? WINDOW : positions.length;
  return { labels: positions.map((i) => labels[i]), positions, matrices, mean, scale, diverging: false, quantity: panel.quantity,
    threshold: (state.threshold / 100) * (panel.quantity === "attention" ? 1 : scale),
    start: Math.max(0, Math.min(state.start, positions.length - size)), size };
}

// The first view less the second, null where they are not of the same tokens and the
// same quantity.
function differenceOf(one, other) {
  if (!one || !other || !sameTokens(one, other) || one.quantity !== other.quantity) return null;
  const mean = one.mean.map((value, k) => value - other.mean[k]);
  return { ...one, matrices: [mean], mean, scale: largestOf(mean) || 1, diverging: true };
}

function caption(panel) {
  const values = groupOf(panel).length > 1 ? [panel.quantity] : [];
  return [panel.model, ...values, headTitle(panel), panel.name].join(" · ");
}

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
    figure.svg.setAttribute("aria-label", `${capital(view.quantity)}, ${title}`);
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
  let said = null;
  for (const figure of figures) {
    const pinned = sameTokens(figures[0], figure)
      ? state.token.map((i) => figure.positions.indexOf(i)).filter((row) => row >= 0) : [];
    const own = hovered?.figure === figure, same = hovered && sameTokens(hovered.figure, figure);
    const rows = same ? [hovered.row] : pinned, cell = same ? hovered.cell : null;
    const sums = figure.show(rows, pinned, cell);
    if (!said && rows.length && (own || !hovered)) said = spoken(figure, rows, sums, cell);
  }
  $("readout").replaceChildren(
    ...(said || ["Point at a token or a cell to see the numbers; click to pin it."]));
  $("unpin").disabled = !state.token.length;
  $("legend").replaceChildren(...legend(said !== null));
}

// What the colours and the strength of lines mean.
function legend(focused) {
  const bold = (className, text) => html("b", className, text);
  if (focused) {
    return [bold("from", "from it"), ": numbers at the right · ",
      bold("to", "to it"), ": numbers at the left"];
  }
  const names = headsIn(panelShown());
  if (state.mode === "mean" || names.length === 1) {
    return ["The stronger a line, the larger the value."];
  }
  return names.map((name, k) => {
    const label = bold("", `${name} `);
    label.style.color = palette.series[k % palette.series.length];
    return label;
  });
}

// What is hovered or pinned, in words, with the largest numbers. Tokens are set apart,
// so that one written from right to left does not move the numbers.
function spoken(figure, rows, { from, to }, cell) {
  const { n, start, end, mean, scale } = figure;
  const name = (row) => html("bdi", "", shortened(figure.labels[row]));
  const number = (value) => formatted(value, scale);
  if (cell) {
    const [i, j] = cell;
    return ["from ", name(i), " to ", name(j), `: ${number(mean[i * n + j])}`];
  }
  const list = (values) => joined(Array.from(values, (value, row) => [value, row])
    .sort((a, b) => Math.abs(b[0]) - Math.abs(a[0])).slice(0, 4)
    .filter(([value]) => Number(number(value)) !== 0)
    .map(([value, row]) => [name(row), ` ${number(value)}`]), " · ");
  const outside = from.filter((_, row) => row < start || row >= end).reduce((a, b) => a + b, 0);
  const folded = end - start < n ? ` (outside the window ${number(outside)})` : "";
  const who = joined(rows.map((row) => [name(row)]), " + ");
  return [...who, rows.length > 1 ? ", mean" : "", " — from it: ", ...list(from), folded,
    " — to it: ", ...list(to)];
}

const joined = (lists, separator) =>
  lists.flatMap((list, k) => (k ? [separator, ...list] : list));

function render() {
  renderSwitches();
  drawFigures();
  renderText();
  renderOverview();
}
