// Which inputs feed an output of a convolution, or of a transposed one, and how many outputs
// there are. Rows and columns have the same settings:
// { size, kernel, stride, padding, dilation, transposed }.

const span = ({ kernel, dilation }) => dilation * (kernel - 1) + 1;

// Outputs in a row, at most 0 where the kernel does not fit.
export function outputSize(settings) {
  const { size, stride, padding, transposed } = settings;
  return transposed
    ? (size - 1) * stride + span(settings) - 2 * padding
    : Math.floor((size + 2 * padding - span(settings)) / stride) + 1;
}

// What feeds an output, in one dimension: pairs of an input and a weight. For a convolution,
// inputs below 0 or from size on are padding.
export function feeds({ size, kernel, stride, padding, dilation, transposed }, output) {
  const weights = Array.from({ length: kernel }, (_, k) => k);
  if (!transposed) return weights.map((k) => [output * stride + k * dilation - padding, k]);
  return weights
    .map((k) => [(output + padding - k * dilation) / stride, k])
    .filter(([input]) => Number.isInteger(input) && input >= 0 && input < size);
}

// How many inputs that are no padding feed each output, in one dimension.
export const counts = (settings) =>
  Array.from(
    { length: Math.max(outputSize(settings), 0) },
    (_, output) =>
      feeds(settings, output).filter(([input]) => input >= 0 && input < settings.size).length,
  );

// The formula of the size with its numbers.
export function formula(settings) {
  const { size, kernel, stride, padding, dilation, transposed } = settings;
  const out = outputSize(settings);
  return transposed
    ? `(${size} \u2212 1) \u00b7 ${stride} + ${dilation} \u00b7 (${kernel} \u2212 1) + 1 ` +
        `\u2212 2 \u00b7 ${padding} = ${out}`
    : `\u230a(${size} + 2 \u00b7 ${padding} \u2212 ${dilation} \u00b7 (${kernel} \u2212 1) ` +
        `\u2212 1) / ${stride}\u230b + 1 = ${out}`;
}

export const RANGES = {
  size: { label: "Input size n", min: 1, max: 8 },
  kernel: { label: "Kernel size k", min: 1, max: 5 },
  stride: { label: "Stride s", min: 1, max: 3 },
  padding: { label: "Padding p", min: 0, max: 4 },
  dilation: { label: "Dilation d", min: 1, max: 3 },
};

const STYLE = `
  .grids > * { flex: 1 1 9em; max-width: 20em; }
  .title { margin-bottom: 0.2em; line-height: 1.2; font-weight: 650; }
`;

const clamp = (value, most) => Math.min(Math.max(value, 0), most);
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

export function create(frame, given) {
  const { ink, colors } = frame.look;
  const settings = { ...given };
  let place = [0, 0];
  const size = () => Math.max(outputSize(settings), 0);
  const centre = () => {
    const middle = Math.floor((size() - 1) / 2);
    place = [Math.max(middle, 0), Math.max(middle, 0)];
  };
  centre();
  const inside = ([i]) => i >= 0 && i < settings.size;
  const fed = () => (size() ? place.map((at) => feeds(settings, at)) : [[], []]);

  const said = () => {
    const out = size();
    if (!out) {
      return settings.transposed
        ? "All of the output is cut off: take less padding."
        : "The kernel does not fit: take a larger input or more padding.";
    }
    const [rows, columns] = fed();
    const seen = rows.filter(inside).length * columns.filter(inside).length;
    const zeros = rows.length * columns.length - seen;
    const all = counts(settings);
    const least = Math.min(...all);
    const most = Math.max(...all);
    const between =
      least === most ? plural(most ** 2, "input") : `${least ** 2} to ${most ** 2} inputs`;
    return (
      `Output in row ${place[0] + 1}, column ${place[1] + 1} of ${out} by ${out}: fed by ` +
      `${plural(seen, "input")}${zeros ? ` and ${plural(zeros, "zero")} of the padding` : ""}. ` +
      `Over all outputs: ${between}.`
    );
  };

  // A square of cells, margin of them on each side outside; paint(row, column) gives
  // { fill, text, thick } of a cell.
  const grid = (context, width, cells, margin, paint) => {
    const step = width / Math.max(cells, 1);
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let i = 0; i < cells; i++) {
      for (let j = 0; j < cells; j++) {
        const [row, column] = [i - margin, j - margin];
        const last = cells - 2 * margin;
        const outer = row < 0 || column < 0 || row >= last || column >= last;
        const { fill, text, light, thick } = paint(row, column, outer);
        const [x, y] = [j * step, i * step];
        if (fill) {
          context.fillStyle = fill;
          context.fillRect(x, y, step, step);
        }
        context.setLineDash(outer ? [2, 3] : []);
        context.strokeStyle = "#767469";
        context.lineWidth = 1;
        context.strokeRect(x + 0.5, y + 0.5, step - 1, step - 1);
        context.setLineDash([]);
        if (thick) {
          context.strokeStyle = ink;
          context.lineWidth = 3;
          context.strokeRect(x + 2, y + 2, step - 4, step - 4);
        }
        if (text && step > 13) {
          context.fillStyle = light ? "#fff" : ink;
          context.font = `${Math.min(step / 2.2, 14)}px sans-serif`;
          context.fillText(text, x + step / 2, y + step / 2);
        }
      }
    }
  };

  const inputs = frame.canvas({
    label: () =>
      `Input of ${settings.size} by ${settings.size} cells` +
      `${settings.transposed ? "" : ` with ${settings.padding} of padding on each side`}. Those ` +
      "that feed the chosen output are filled.",
    height: (width) => width,
    draw: (context, width) => {
      const margin = settings.transposed ? 0 : settings.padding;
      const [rows, columns] = fed().map((pairs) => new Map(pairs));
      grid(context, width, settings.size + 2 * margin, margin, (row, column, outer) => {
        if (!rows.has(row) || !columns.has(column)) return {};
        const text = `${rows.get(row)},${columns.get(column)}`;
        return outer ? { fill: "#e3e0d6", text } : { fill: colors[0], text, light: true };
      });
    },
  });

  let step = 1;
  const outputs = frame.canvas({
    class: "drawn",
    role: "application",
    tabindex: 0,
    label: () =>
      "Output cells. Choose one with the pointer or the arrow keys to see what feeds it. " + said(),
    height: (width) => width,
    draw: (context, width) => {
      const margin = settings.transposed ? settings.padding : 0;
      const cells = size() + 2 * margin;
      step = width / Math.max(cells, 1);
      const all = counts(settings);
      const most = Math.max(...all, 1);
      grid(context, width, size() ? cells : 0, margin, (row, column, outer) => {
        if (outer) return {};
        const share = (all[row] * all[column]) / most ** 2;
        const chosen = row === place[0] && column === place[1];
        const [green, blue] = [255 - 90 * share, 255 - 150 * share].map(Math.round);
        return {
          fill: `rgb(255, ${green}, ${blue})`,
          text: String(all[row] * all[column]),
          thick: chosen,
        };
      });
    },
  });

  const shape = frame.element("p", { class: "number" });
  const status = frame.status();
  const refresh = () => {
    place = place.map((at) => clamp(at, Math.max(size() - 1, 0)));
    shape.textContent = `Outputs in a row: ${formula(settings)}`;
    status.textContent = said();
    inputs.redraw();
    outputs.redraw();
  };

  const listen = (type, action) => outputs.addEventListener(type, frame.careful(action));
  const point = (event) => {
    const box = outputs.getBoundingClientRect();
    const margin = settings.transposed ? settings.padding : 0;
    const at = [event.clientY - box.top, event.clientX - box.left];
    const last = Math.max(size() - 1, 0);
    const next = at.map((pixels) => clamp(Math.floor(pixels / step) - margin, last));
    if (next.some((value, axis) => value !== place[axis])) {
      place = next;
      refresh();
    }
  };
  listen("pointerdown", point);
  listen("pointermove", point);
  listen("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    place = place.map((at, axis) => at + move[axis]);
    refresh();
  });

  const sliders = Object.entries(RANGES).map(([name, { label, min, max }]) =>
    frame.range({
      label,
      min,
      max,
      value: settings[name],
      change: (value) => {
        settings[name] = value;
        refresh();
      },
    }),
  );
  const title = (text) => frame.element("p", { class: "title" }, text);
  const grids = frame.side(
    frame.element("div", {}, title("Input: weights (row, column) it meets"), inputs),
    frame.element("div", {}, title("Output: how many inputs feed it"), outputs),
  );
  grids.classList.add("grids");
  refresh();
  frame.shadow.append(frame.element("style", {}, STYLE));
  frame.add(
    frame.row(
      frame.choice({
        label: "Kind",
        options: [
          { value: false, text: "convolution" },
          { value: true, text: "transposed" },
        ],
        value: settings.transposed,
        change: (value) => {
          settings.transposed = value;
          centre();
          refresh();
        },
      }),
    ),
    frame.row(...sliders),
    shape,
    grids,
    status,
    frame.element(
      "p",
      { class: "quiet" },
      "Dashed: padding around the input, or what a transposed convolution cuts off.",
    ),
  );
}
