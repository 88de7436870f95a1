// A restricted Boltzmann machine dreams a picture; the reader holds some of its pixels.

import { generator } from "./random.js";
import { bernoulli, hiddenMean, visibleMean } from "./rbm.js";

// One step of block Gibbs sampling given the held pixels (1 in held): all hidden units, then
// the pixels that are free. It leaves p(free pixels, hidden | held pixels) as it is.
// Returns the new picture and P(pixel = 1 | hidden), held pixels at their value.
export function dream(machine, visible, held, random) {
  const hidden = bernoulli(hiddenMean(machine, visible), random);
  const free = visibleMean(machine, hidden);
  const drawn = bernoulli(free, random);
  const keep = (values) => values.map((value, i) => (held[i] ? visible[i] : value));
  return { visible: keep(drawn), mean: keep(free) };
}

// Pixels of a rows x columns picture that a round brush at (row, column) touches.
export function brush(row, column, radius, [rows, columns]) {
  const touched = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      if (Math.hypot(r + 0.5 - row, c + 0.5 - column) <= radius) touched.push(r * columns + c);
    }
  }
  return touched;
}

const WHITE = [255, 255, 255];
const HELD = [220, 232, 243];

// Red, green and blue of "#rrggbb".
const channels = (color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));

export function create(frame, { machine, examples, shape, seed, perSecond }) {
  const [rows, columns] = shape;
  const [ink, blue] = [frame.look.ink, frame.look.colors[0]].map(channels);
  const size = rows * columns;
  const radius = Math.max(0.71, Math.min(rows, columns) / 18);
  const random = generator(seed);
  let [visible, mean] = [new Float64Array(size), new Float64Array(size)];
  const held = new Uint8Array(size);
  let [tool, shown, pace, example] = ["ink", "chance", perSecond, -1];
  const small = frame.element("canvas", { width: columns, height: rows });
  const pixels = new ImageData(columns, rows);
  let [row, column, cursor] = [rows >> 1, columns >> 1, false];

  const picture = frame.canvas({
    class: "drawn",
    role: "application",
    tabindex: 0,
    "aria-roledescription": "drawing",
    label:
      `Picture of ${rows} by ${columns} pixels. Arrow keys move, space draws, ` +
      "shift with arrows draws along.",
    height: (width) => (width * rows) / columns,
    draw: (context, width) => {
      const cell = width / columns;
      const values = shown === "chance" ? mean : visible;
      for (let i = 0; i < size; i++) {
        const ground = held[i] ? HELD : WHITE;
        const pen = held[i] ? blue : ink;
        for (let k = 0; k < 3; k++) {
          pixels.data[4 * i + k] = ground[k] + values[i] * (pen[k] - ground[k]);
        }
        pixels.data[4 * i + 3] = 255;
      }
      small.getContext("2d").putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, width, cell * rows);
      // a line around what is held, for those who do not see the blue
      context.strokeStyle = frame.look.colors[0];
      context.lineWidth = 1.5;
      context.beginPath();
      for (let i = 0; i < size; i++) {
        if (!held[i]) continue;
        const [c, r] = [i % columns, Math.floor(i / columns)];
        const edge = (open, x, y, dx, dy) => {
          if (!open) return;
          context.moveTo(x * cell, y * cell);
          context.lineTo((x + dx) * cell, (y + dy) * cell);
        };
        edge(r === 0 || !held[i - columns], c, r, 1, 0);
        edge(r === rows - 1 || !held[i + columns], c, r + 1, 1, 0);
        edge(c === 0 || !held[i - 1], c, r, 0, 1);
        edge(c === columns - 1 || !held[i + 1], c + 1, r, 0, 1);
      }
      context.stroke();
      context.lineWidth = 1;
      context.strokeStyle = "#767469";
      context.strokeRect(0.5, 0.5, width - 1, cell * rows - 1);
      if (cursor) {
        context.strokeStyle = frame.look.colors[1];
        context.lineWidth = 2.5;
        context.strokeRect(column * cell, row * cell, cell, cell);
      }
    },
  });
  const status = frame.status();

  const tell = () => {
    const count = held.reduce((sum, one) => sum + one, 0);
    status.textContent = count
      ? `You hold ${count} of ${size} pixels; the machine dreams the other ${size - count}.`
      : `You hold no pixel; the machine dreams all ${size}.`;
  };
  const refresh = () => {
    for (let i = 0; i < size; i++) if (held[i]) mean[i] = visible[i];
    tell();
    picture.redraw();
  };
  const paint = (r, c) => {
    for (const i of brush(r, c, radius, shape)) {
      held[i] = tool === "free" ? 0 : 1;
      if (tool !== "free") visible[i] = tool === "ink" ? 1 : 0;
    }
    refresh();
  };
  const holdWhere = (inside) => {
    for (let i = 0; i < size; i++) held[i] = inside(Math.floor(i / columns), i % columns) ? 1 : 0;
    // what is held is what is seen
    for (let i = 0; i < size; i++) if (held[i]) visible[i] = mean[i] > 0.5 ? 1 : 0;
    refresh();
  };
  const advance = () => ({ visible, mean } = dream(machine, visible, held, random));

  let last = null;
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    return [
      ((event.clientY - box.top) / box.height) * rows,
      ((event.clientX - box.left) / box.width) * columns,
    ];
  };
  const stroke = (event) => {
    const [r, c] = at(event);
    // also what lies between two reports of a fast pointer
    const steps = last ? Math.ceil(Math.hypot(r - last[0], c - last[1])) || 1 : 1;
    for (let i = 1; i <= steps; i++) {
      const t = i / steps;
      paint(last ? last[0] + t * (r - last[0]) : r, last ? last[1] + t * (c - last[1]) : c);
    }
    last = [r, c];
  };
  const listen = (type, action) => picture.addEventListener(type, frame.careful(action));
  listen("pointerdown", (event) => {
    picture.setPointerCapture(event.pointerId);
    cursor = false;
    last = null;
    stroke(event);
  });
  listen("pointermove", (event) => last && stroke(event));
  for (const end of ["pointerup", "pointercancel"]) listen(end, () => (last = null));
  listen("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (move) {
      row = Math.min(Math.max(row + move[0], 0), rows - 1);
      column = Math.min(Math.max(column + move[1], 0), columns - 1);
    }
    if (event.key === " " || event.key === "Enter" || (move && event.shiftKey)) {
      paint(row + 0.5, column + 0.5);
    } else if (!move) return;
    event.preventDefault();
    cursor = true;
    const i = row * columns + column;
    const what = held[i] ? `held as ${visible[i] ? "ink" : "paper"}` : "free";
    status.textContent = `Row ${row + 1}, column ${column + 1}: ${what}.`;
    picture.redraw();
  });
  listen("blur", () => {
    cursor = false;
    picture.redraw();
  });

  const nextExample = () => {
    example = (example + 1) % examples.shape[0];
    const pixels = examples.subarray(example * size, (example + 1) * size);
    mean = Float64Array.from(pixels);
    visible = Float64Array.from(pixels);
    holdWhere((r) => r < rows / 2);
  };
  const papers = frame.row(
    frame.button("White paper", () => {
      visible.fill(0);
      mean.fill(0);
      holdWhere(() => false);
    }),
  );
  if (examples) papers.prepend(frame.button("Next real digit", nextExample));
  const options = (texts) => Object.entries(texts).map(([value, text]) => ({ value, text }));
  const clock = frame.clock({ advance, draw: picture.redraw, perSecond: () => pace });
  clock.append(
    frame.range({
      label: "Steps a second",
      min: 1,
      max: 30,
      value: pace,
      change: (value) => (pace = value),
    }),
  );
  frame.add(
    frame.side(
      picture,
      frame.element(
        "div",
        {},
        clock,
        frame.choice({
          label: "Draw",
          options: options({ ink: "ink", paper: "paper", free: "let go" }),
          value: tool,
          change: (value) => (tool = value),
        }),
        frame.row(
          "Hold",
          frame.button("Top half", () => holdWhere((r) => r < rows / 2)),
          frame.button("Left half", () => holdWhere((_, c) => c < columns / 2)),
          frame.button("None", () => holdWhere(() => false)),
        ),
        papers,
        frame.choice({
          label: "Show",
          options: options({ chance: "chance of ink", draw: "what was drawn" }),
          value: shown,
          change: (value) => {
            shown = value;
            picture.redraw();
          },
        }),
        status,
      ),
    ),
  );
  if (examples) nextExample();
  tell();
}
