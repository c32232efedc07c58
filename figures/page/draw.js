"use strict";
// Colours, small maps on canvas, and the pieces of SVG.

const SVG = "http://www.w3.org/2000/svg";
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

let palette = null;

// The colours that page.css names, in the light or dark that holds now.
function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  palette = Object.fromEntries(["paper", "card", "ink", "quiet", "rule", "from", "to", "line"]
    .map((name) => [name, colour(name)]));
  palette.series = colour("series").split(/\s+/);
  palette.ramp = steps(colour("ramp"));
  palette.diverging = steps(colour("diverging"));
}

// 256 steps [red, green, blue] between evenly spaced colours like "#a5c6e5 #0c2f5e".
function steps(colours) {
  const stops = colours.split(/\s+/).map((c) => [1, 3, 5].map((at) => parseInt(c.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, k) => {
    const x = (k / 255) * (stops.length - 1), left = Math.min(Math.floor(x), stops.length - 2);
    return stops[left].map((c, i) => Math.round(c + (stops[left + 1][i] - c) * (x - left)));
  });
}

const hex = ([r, g, b]) => `#${[r, g, b].map((c) => c.toString(16).padStart(2, "0")).join("")}`;

// Draw a matrix on a canvas, a pixel a cell; [0, scale], or [-scale, scale] diverging.
function drawMatrix(canvas, matrix, n, scale, diverging = false) {
  canvas.width = canvas.height = n;
  const context = canvas.getContext("2d"), image = context.createImageData(n, n);
  const colours = diverging ? palette.diverging : palette.ramp;
  for (let k = 0; k < n * n; k++) {
    const share = scale > 0 ? matrix[k] / scale : 0, x = diverging ? (share + 1) / 2 : share;
    const colour = colours[Math.max(0, Math.min(255, Math.round(255 * x)))];
    image.data.set(colour, 4 * k);
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

const THUMB = 64;

// A small map of a head: of long texts, the largest value that falls on each pixel.
function drawThumb(canvas, matrix, n) {
  const m = Math.min(n, THUMB), small = new Float32Array(m * m);
  for (let i = 0; i < n; i++) {
    const row = Math.floor((i * m) / n) * m;
    for (let j = 0; j < n; j++) {
      const k = row + Math.floor((j * m) / n);
      if (matrix[i * n + j] > small[k]) small[k] = matrix[i * n + j];
    }
  }
  drawMatrix(canvas, small, m, largestOf(small));
}

function element(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

function html(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

const measuring = document.createElement("canvas").getContext("2d");

// Characters as people count them: an emoji may be several code points.
const charactersOf = (text) => (Intl.Segmenter
  ? Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment) : Array.from(text));

// A label of 20 characters at most, for text.
function shortened(label) {
  const characters = charactersOf(shownLabel(label));
  return characters.length > 20 ? `${characters.slice(0, 19).join("")}…` : characters.join("");
}

// The label, shortened with an ellipsis to at most so many pixels, and its width: in
// bold, as it is when it is pointed at.
function fitted(label, size, most) {
  measuring.font = `700 ${size}px ${FONT}`;
  const width = (text) => measuring.measureText(text).width;
  if (width(label) <= most) return { text: label, width: width(label) };
  const characters = charactersOf(label);
  while (characters.length > 1 && width(`${characters.join("")}…`) > most) characters.pop();
  const text = `${characters.join("")}…`;
  return { text, width: width(text) };
}

// ---- Saving what is seen.

function saveAs(name, href) {
  const link = document.createElement("a");
  link.download = name;
  link.href = href;
  link.click();
}

// All figures as one SVG: the drawings as they are on the page, on its background.
function joinedSvg(figures) {
  const gap = 24, size = (svg, side) => Number(svg.getAttribute(side));
  const width = figures.reduce((sum, { svg }) => sum + size(svg, "width") + gap, gap);
  const height = Math.max(...figures.map(({ svg }) => size(svg, "height"))) + 3 * gap;
  const whole = element("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
  whole.append(element("rect", { width, height, fill: palette.card }));
  let x = gap;
  for (const { svg, caption } of figures) {
    const most = size(svg, "width"), style = { "font-family": FONT, "font-size": 13, fill: palette.ink };
    whole.append(element("text", { x, y: 1.2 * gap, ...style }, fitted(caption, 13, most).text));
    const copy = svg.cloneNode(true);
    for (const [key, value] of Object.entries({ x, y: 2 * gap })) copy.setAttribute(key, value);
    for (const node of copy.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
    whole.append(copy);
    x += size(svg, "width") + gap;
  }
  return { text: new XMLSerializer().serializeToString(whole), width, height };
}

function svgAddress(text) {
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

// The same picture as PNG, twice as many pixels as on the page.
async function pngAddress({ text, width, height }) {
  const image = new Image();
  image.src = svgAddress(text);
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}
