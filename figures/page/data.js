"use strict";
// What the page holds, and the numbers that are computed from it.
//
// A matrix is a Float32Array of n * n values, row by row: from row i to column j.

const PAGE = JSON.parse(document.getElementById("data").textContent);

for (const panel of PAGE.panels) {
  panel.known = PAGE.known.find((known) =>
    known.weights === panel.weights || !known.weights || !panel.weights) || null;
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// The value of each of the 65536 float16 numbers.
function float16Table() {
  return Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}

let halves = null;

function decode(panel) {
  if (panel.rounded) return;
  const bytes = bytesOf(panel.values);
  panel.largest = new Float32Array(bytesOf(panel.largest).buffer);
  panel.rounded = panel.dtype === "uint8" ? bytes : new Uint16Array(bytes.buffer);
  panel.values = null; // the text is not needed again
}

// The matrix of a head, by its place in layer-major order, as it was made.
function storedMatrix(panel, place) {
  decode(panel);
  const n = panel.labels.length, matrix = new Float32Array(n * n);
  const base = place * n * n;
  if (panel.dtype === "float16") {
    halves ||= float16Table();
    for (let k = 0; k < n * n; k++) matrix[k] = halves[panel.rounded[base + k]];
    return matrix;
  }
  for (let i = 0; i < n; i++) {
    const scale = panel.largest[place * n + i] / 255;
    for (let j = i * n; j < (i + 1) * n; j++) matrix[j] = panel.rounded[base + j] * scale;
  }
  return matrix;
}

// Between words: the sum over the pieces of the word attended to, the mean over those
// of the word that attends.
function betweenWords(matrix, n, pieces) {
  const words = pieces.length, out = new Float32Array(words * words);
  const word = new Int32Array(n);
  pieces.forEach((positions, w) => positions.forEach((p) => { word[p] = w; }));
  for (let i = 0; i < n; i++) {
    const row = word[i] * words, share = 1 / pieces[word[i]].length;
    for (let j = 0; j < n; j++) out[row + word[j]] += matrix[i * n + j] * share;
  }
  return out;
}

// Labels and special tokens at a level.
function atLevel(panel, level) {
  if (level !== "words" || !panel.words) return { labels: panel.labels, special: panel.special };
  const { labels } = panel.words;
  return { labels, special: [0, labels.length - 1] };
}

function levelMatrix(panel, place, level) {
  const stored = storedMatrix(panel, place);
  if (level !== "words" || !panel.words) return stored;
  return betweenWords(stored, panel.labels.length, panel.words.pieces);
}

// Which rows are kept when special tokens are hidden; all where nothing else is there.
function keptRows(panel, level, special) {
  const { labels, special: hidden } = atLevel(panel, level);
  const all = labels.map((_, i) => i);
  if (special === "shown") return all;
  const rest = all.filter((i) => !hidden.includes(i));
  return rest.length ? rest : all;
}

// A head's matrix as it is shown: at a level, of the rows that are kept.
function shownMatrix(panel, place, { level, special }) {
  const matrix = levelMatrix(panel, place, level);
  const kept = keptRows(panel, level, special), n = atLevel(panel, level).labels.length;
  if (kept.length === n) return matrix;
  const m = kept.length, out = new Float32Array(m * m);
  for (let i = 0; i < m; i++) {
    let sum = 0;
    for (let j = 0; j < m; j++) sum += out[i * m + j] = matrix[kept[i] * n + kept[j]];
    if (special === "renormalised" && sum > 0) for (let j = 0; j < m; j++) out[i * m + j] /= sum;
  }
  return out;
}

function meanOf(matrices) {
  if (matrices.length === 1) return matrices[0];
  const out = new Float32Array(matrices[0].length);
  for (const matrix of matrices) for (let k = 0; k < out.length; k++) out[k] += matrix[k] / matrices.length;
  return out;
}

// A loop, since Math.max(...) fails for long arrays.
function largestOf(values) {
  let largest = 0;
  for (let k = 0; k < values.length; k++) largest = Math.max(largest, Math.abs(values[k]));
  return largest;
}

// ---- Measures of heads: means over rows, each scaled to sum to one.

function rowsToOne(matrix, n) {
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += matrix[i * n + j];
    if (sum > 0) for (let j = 0; j < n; j++) matrix[i * n + j] /= sum;
  }
  return matrix;
}

const entropyTerm = (p) => (p > 0 ? -p * Math.log(p) : 0);

const MEASURES = {
  entropy: { name: "entropy, nats", of(matrix, n) {
    let sum = 0;
    for (let k = 0; k < n * n; k++) sum += entropyTerm(matrix[k]);
    return sum / n;
  } },
  special: { name: "share to special tokens", of(matrix, n, { special }) {
    let sum = 0;
    for (let i = 0; i < n; i++) for (const j of special) sum += matrix[i * n + j];
    return sum / n;
  } },
  previous: { name: "share to the previous", of(matrix, n) {
    let sum = 0;
    for (let i = 1; i < n; i++) sum += matrix[i * n + i - 1];
    return sum / n;
  } },
  next: { name: "share to the next", of(matrix, n) {
    let sum = 0;
    for (let i = 0; i + 1 < n; i++) sum += matrix[i * n + i + 1];
    return sum / n;
  } },
  distance: { name: "distance to the chosen head, nats", of(matrix, n, { chosen }) {
    let sum = 0; // Jensen-Shannon divergence
    for (let k = 0; k < n * n; k++) {
      const p = matrix[k], q = chosen[k];
      sum += entropyTerm((p + q) / 2) - (entropyTerm(p) + entropyTerm(q)) / 2;
    }
    return Math.max(0, sum / n);
  } },
};

// The measure of every head of a panel, NaN where it is not known.
function measureHeads(panel, measure, level, chosenName) {
  const known = panel.known?.measures[measure];
  if (known) return panel.names.map((name) => known[name] ?? NaN);
  const { labels, special } = atLevel(panel, level), n = labels.length;
  const chosenPlace = panel.names.indexOf(chosenName);
  const chosen = measure === "distance" && chosenPlace >= 0
    ? rowsToOne(levelMatrix(panel, chosenPlace, level), n) : null;
  if (measure === "distance" && !chosen) return panel.names.map(() => NaN);
  return panel.names.map((_, place) =>
    MEASURES[measure].of(rowsToOne(levelMatrix(panel, place, level), n), n, { special, chosen }));
}

// A number as people read it, with the digits that go with the largest one beside it.
function formatted(value, largest = Math.abs(value)) {
  if (!Number.isFinite(value)) return "–";
  if (largest === 0) return "0";
  if (largest < 0.05) return value.toPrecision(2);
  return value.toFixed(largest >= 10 ? 1 : 2);
}
