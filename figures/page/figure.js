"use strict";
// One figure: lines between two columns of tokens, and the matrix, as one SVG.
//
// Drawn from a view: { labels, positions, matrices, mean, scale, diverging, threshold,
// start, size, measureName }. Labels and matrices are of the n rows that are kept,
// positions say which these are of the text; the window is rows start to start + size.

const TOP = 24, TEXT = 13, NUMBER = 44, MOST_LINES = 4000;

class Figure {
  constructor(view, width) {
    Object.assign(this, view);
    this.n = this.labels.length;
    this.end = Math.min(this.n, this.start + this.size);
    this.row = this.end - this.start <= 24 ? 25 : 20; // its height
    this.svg = element("svg", { role: "group", "font-family": FONT, "font-size": TEXT });
    this.arrange(width);
    this.left = this.column("left");
    this.right = this.column("right");
    this.base = element("g", { class: "lines" });
    this.focus = element("g", { class: "focus" });
    this.drawBase();
    this.svg.append(this.base, this.focus);
    for (const side of ["left", "right"]) this.svg.append(...this[side].map((token) => token.group));
    this.drawCells();
  }

  // Where everything goes: the matrix beside the lines, or beneath where it is narrow.
  arrange(width) {
    const most = Math.max(48, Math.min(150, (width - 2 * NUMBER - 90) / 2));
    this.fit = this.labels.map((label) => fitted(shownLabel(label), TEXT, most));
    const widest = Math.max(24, ...this.fit.slice(this.start, this.end).map((f) => f.width));
    const columns = 2 * (NUMBER + widest + 8);
    const rows = this.end - this.start, folded = this.n > rows, gutter = folded ? 14 : widest + 8;
    const left = width - columns - 260 - gutter; // for the lines, beside the matrix
    const between = Math.max(80, Math.min(190, !folded && left >= 100 ? left : width - columns));
    this.x = { left: NUMBER + widest + 8, right: NUMBER + widest + 8 + between };
    const lines = columns + between;
    const least = Math.max(220, Math.min(560, this.n)); // a pixel a token
    const beside = width - lines - 40 >= least + gutter;
    const room = (beside ? width - lines - 40 : width) - gutter - 4;
    this.cell = Math.min(26, Math.min(room, 560) / this.n);
    const side = this.cell * this.n, linesHeight = TOP + rows * this.row + 6;
    this.labelled = !folded && this.cell >= 9;
    const above = this.labelled ? Math.min(widest, 90) + 8 : 8;
    const y = beside ? Math.max(TOP, above + 8) : linesHeight + 24 + above;
    this.cells = { x: (beside ? lines + 40 : 0) + gutter, y, side };
    const height = Math.max(linesHeight, y + side + 44);
    const total = beside ? this.cells.x + side + 4 : Math.max(lines, this.cells.x + side + 4);
    this.svg.setAttribute("width", Math.ceil(total));
    this.svg.setAttribute("height", Math.ceil(height));
    this.svg.setAttribute("viewBox", `0 0 ${Math.ceil(total)} ${Math.ceil(height)}`);
  }

  y(row) { return TOP + (row - this.start + 0.5) * this.row; }

  // The tokens of one side; each is a button with room for a number.
  column(side) {
    const left = side === "left", x = this.x[side], way = left ? -1 : 1;
    const anchor = { "text-anchor": left ? "end" : "start" };
    const small = { ...anchor, "font-size": 11 };
    const far = left ? NUMBER - 8 : this.x.right + this.x.left - NUMBER + 4; // of numbers
    const title = left ? "from" : "to";
    this.svg.append(
      element("text", { x: x + way * 6, y: 13, fill: palette.quiet, ...small }, title));
    return Array.from({ length: this.end - this.start }, (_, k) => {
      const row = this.start + k, y = this.y(row), { text, width } = this.fit[row];
      const group = element("g", {
        class: "token", role: "button", tabindex: -1, "data-row": row, "data-side": side,
        "aria-pressed": "false",
        "aria-label": `${this.labels[row]}, token ${this.positions[row]}, ${title}`,
      });
      const back = element("rect", {
        class: "back", x: left ? x - width - 9 : x + 3, y: y - this.row / 2 + 2,
        width: width + 6, height: this.row - 4, rx: 3, "fill-opacity": 0,
      });
      const label = element("text", {
        class: "label", x: x + way * 6, y: y + 4.5, fill: palette.ink, ...anchor,
      }, text);
      const number = element("text", {
        class: "number", x: far, y: y + 4, fill: left ? palette.to : palette.from, ...small,
      });
      group.append(back, label, number);
      return { group, back, label, number };
    });
  }

  // A line as strong as its share of the largest value.
  line(i, j, value, colour, width = 1.5) {
    return element("line", {
      x1: this.x.left, y1: this.y(i), x2: this.x.right, y2: this.y(j),
      stroke: colour, "stroke-width": width, "stroke-opacity": this.share(value).toFixed(3),
    });
  }

  share(value) { return Math.min(1, Math.abs(value) / this.scale); }

  colour(value, series) {
    if (this.diverging) return hex(palette.diverging[value < 0 ? 40 : 215]);
    return this.matrices.length > 1 ? palette.series[series % palette.series.length] : palette.line;
  }

  // All lines in the window that are not below the threshold, the strongest on top.
  drawBase() {
    const lines = [];
    this.matrices.forEach((matrix, series) => {
      for (let i = this.start; i < this.end; i++) for (let j = this.start; j < this.end; j++) {
        const value = matrix[i * this.n + j];
        if (Math.abs(value) >= this.threshold && value !== 0) lines.push([i, j, value, series]);
      }
    });
    lines.sort((a, b) => Math.abs(a[2]) - Math.abs(b[2]));
    this.leftOut = Math.max(0, lines.length - MOST_LINES);
    for (const [i, j, value, series] of lines.slice(this.leftOut)) {
      this.base.append(this.line(i, j, value, this.colour(value, series)));
    }
  }

  // The matrix as an image with labels, a scale, and a frame around the window.
  drawCells() {
    const { x, y, side } = this.cells, canvas = document.createElement("canvas"), n = this.n;
    drawMatrix(canvas, this.mean, n, this.scale, this.diverging);
    const square = { x, y, width: side, height: side };
    const frame = { fill: "none", "pointer-events": "none" };
    this.image = element("image", {
      class: "cells", ...square, href: canvas.toDataURL(), "image-rendering": this.cell < 1 ? "auto" : "pixelated",
    });
    this.svg.append(this.image, element("rect", { ...square, ...frame, stroke: palette.rule }));
    if (this.labelled) {
      const size = Math.min(TEXT, Math.max(8, this.cell - 2));
      const style = { fill: palette.quiet, "font-size": size };
      this.labels.forEach((label, row) => {
        const at = (row + 0.5) * this.cell + size / 3;
        const across = { x: x - 6, y: y + at, "text-anchor": "end", ...style };
        const upright = { transform: `translate(${x + at} ${y - 6}) rotate(-90)`, ...style };
        this.svg.append(
          element("text", across, this.fit[row].text),
          element("text", upright, fitted(shownLabel(label), size, 90).text));
      });
    } else if (this.end - this.start < n) {
      const from = this.start * this.cell, length = (this.end - this.start) * this.cell;
      this.svg.append(element("rect", {
        class: "window", x: x + from, y: y + from, width: length, height: length, ...frame,
        stroke: palette.to, "stroke-width": 1.5,
      }));
    }
    this.mark = element("g", { "pointer-events": "none" });
    this.svg.append(this.mark, ...this.key(x, y + side + 14, Math.min(side, 150)));
  }

  // The scale of colours.
  key(x, y, width) {
    const canvas = document.createElement("canvas"), n = 64;
    canvas.width = n; canvas.height = 1;
    const context = canvas.getContext("2d"), colours = this.diverging ? palette.diverging : palette.ramp;
    for (let k = 0; k < n; k++) {
      context.fillStyle = hex(colours[Math.round((255 * k) / (n - 1))]);
      context.fillRect(k, 0, 1, 1);
    }
    const style = { y: y + 20, fill: palette.quiet, "font-size": 11 };
    width = Math.max(width, 70);
    return [
      element("image", { x, y, width, height: 7, href: canvas.toDataURL(), preserveAspectRatio: "none" }),
      element("text", { x, ...style }, this.diverging ? `−${formatted(this.scale)}` : "0"),
      element("text", { x: x + width, "text-anchor": "end", ...style }, formatted(this.scale))];
  }

  // What the rows take from each token, and what each token takes from them: means.
  sums(rows) {
    const from = new Float32Array(this.n), to = new Float32Array(this.n);
    for (const row of rows) for (let j = 0; j < this.n; j++) {
      from[j] += this.mean[row * this.n + j] / rows.length;
      to[j] += this.mean[j * this.n + row] / rows.length;
    }
    return { from, to };
  }

  // Show only what goes from and to these rows, with numbers; all lines for none.
  show(rows, pinned, cell = null) {
    const { from, to } = this.sums(rows), any = rows.length > 0;
    this.base.setAttribute("display", any ? "none" : "inline");
    this.focus.replaceChildren();
    for (let j = this.start; j < this.end; j++) {
      for (const [side, values, colour] of [["left", to, palette.to], ["right", from, palette.from]]) {
        const token = this[side][j - this.start], value = values[j], text = formatted(value, this.scale);
        token.number.textContent = any && Number(text) !== 0 ? text : "";
        token.back.setAttribute("fill", colour);
        token.back.setAttribute("fill-opacity", any ? (0.3 * this.share(value)).toFixed(3) : 0);
        token.label.setAttribute("font-weight", rows.includes(j) ? 700 : 400);
        token.group.setAttribute("aria-pressed", String(pinned.includes(j)));
      }
    }
    for (const row of rows) this.focusLines(row);
    this.markCells(rows, cell);
    return { from, to };
  }

  // The lines from a row and to it; of one head, in the colours of the numbers.
  focusLines(row) {
    if (row < this.start || row >= this.end) return;
    const one = !this.diverging && this.matrices.length === 1;
    this.matrices.forEach((matrix, series) => {
      const add = (i, j, colour) => {
        const value = matrix[i * this.n + j];
        if (value === 0 || Math.abs(value) < this.threshold) return;
        this.focus.append(this.line(i, j, value, one ? colour : this.colour(value, series), 2));
      };
      for (let j = this.start; j < this.end; j++) {
        add(j, row, palette.to);
        add(row, j, palette.from);
      }
    });
  }

  // Frames around rows and columns of the matrix, and around one cell.
  markCells(rows, cell) {
    const { x, y, side } = this.cells, size = this.cell;
    const frame = (left, top, width, height, stroke) => element("rect", {
      x: x + left, y: y + top, width, height, fill: "none", stroke, "stroke-width": 1.2,
    });
    this.mark.replaceChildren(...rows.flatMap((row) => [
      frame(0, row * size, side, size, palette.from),
      frame(row * size, 0, size, side, palette.to)]));
    if (cell) this.mark.append(frame(cell[1] * size, cell[0] * size, size, size, palette.ink));
  }

  // The cell [i, j] of the matrix under the pointer.
  cellAt(event) {
    const box = this.image.getBoundingClientRect();
    const at = (offset, whole) => Math.max(0, Math.min(this.n - 1, Math.floor((offset / whole) * this.n)));
    return [at(event.clientY - box.top, box.height), at(event.clientX - box.left, box.width)];
  }
}

// Labels that would show nothing are named; the rest stand as they are.
function shownLabel(label) {
  return label.trim() === "" ? "␣" : label;
}
