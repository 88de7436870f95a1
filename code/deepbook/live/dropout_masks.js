// Hidden units that the reader switches on and off: the thinned network that is left, beside
// weight scaling and the means over all masks, which are few enough to enumerate.
//
// A network is { hidden, output, p }: two layers, each { weight, bias } with a row of weights for
// each output, and the probability of a hidden unit's being left out. A mask holds a 1 for each
// unit that stays.

import { generator } from "./random.js";

// What a layer gives out before any nonlinearity.
export function linear({ weight, bias }, inputs) {
  const size = inputs.length;
  return Float64Array.from(bias, (start, row) =>
    inputs.reduce((sum, value, i) => sum + weight[row * size + i] * value, start),
  );
}

export function softmax(logits) {
  const highest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - highest));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

// The hidden units for an input: ReLUs.
export const hiddenUnits = ({ hidden }, input) =>
  linear(hidden, Float64Array.from(input)).map((value) => Math.max(value, 0));

// Probabilities of the network with all units: the weight-scaling rule of inverted dropout.
export const weightScaled = ({ output }, units) => softmax(linear(output, units));

// Probabilities of the network that a mask leaves.
export const thinned = ({ output, p }, units, mask) =>
  softmax(
    linear(
      output,
      units.map((value, i) => (value * mask[i]) / (1 - p)),
    ),
  );

// Over all masks, each as likely as it is drawn: the arithmetic mean of the probabilities, the
// geometric one normalised anew, and the chance that a thinned network names each class.
export function ensemble({ output, p }, units) {
  const [n, classes] = [units.length, output.bias.length];
  const logits = Array.from({ length: 2 ** n });
  logits[0] = Float64Array.from(output.bias);
  const arithmetic = new Float64Array(classes);
  const meanLog = new Float64Array(classes);
  const named = new Float64Array(classes);
  const stay = new Uint8Array(2 ** n);
  for (let mask = 0; mask < 2 ** n; mask++) {
    if (mask) {
      // one unit more than in a mask that came before
      const unit = 31 - Math.clz32(mask & -mask);
      const before = mask & (mask - 1);
      stay[mask] = stay[before] + 1;
      const part = units[unit] / (1 - p);
      logits[mask] = logits[before].map((v, k) => v + output.weight[k * n + unit] * part);
    }
    const chance = (1 - p) ** stay[mask] * p ** (n - stay[mask]);
    const probability = softmax(logits[mask]);
    const offset = logits[mask][0] - Math.log(probability[0]); // the log of the normaliser
    let best = 0;
    for (let k = 0; k < classes; k++) {
      arithmetic[k] += chance * probability[k];
      meanLog[k] += chance * (logits[mask][k] - offset);
      if (probability[k] > probability[best]) best = k;
    }
    named[best] += chance;
  }
  return { arithmetic, geometric: softmax(meanLog), named };
}

export const drawMask = (units, p, random) =>
  Uint8Array.from({ length: units }, () => (random() < p ? 0 : 1));

const largest = (values) => values.indexOf(Math.max(...values));
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;
const whole = (number) => number.toLocaleString("en-US");

const STYLE = `
  .side > .seen { flex: 0 1 7.5em; }
  .switches { display: grid; grid-template-columns: repeat(auto-fill, minmax(54px, 1fr));
    gap: 0.4em; max-width: 26em; }
  .switches button { min-width: 44px; padding: 0.1em; line-height: 1.25; border-width: 2px; }
  .switches b { display: block; }
  .switches button[aria-pressed="true"] { background: var(--first); border-color: var(--first);
    color: #fff; }
  .switches button[aria-pressed="false"] { border-style: dashed; }
  .switches button[aria-pressed="false"] b { text-decoration: line-through; }
  .title { margin-bottom: 0.2em; font-weight: 650; }
  table { width: 100%; border-collapse: collapse; table-layout: fixed; margin-top: 0.6em; }
  th { padding: 0.1em 0.3em; font-weight: 400; text-align: left; vertical-align: bottom;
    line-height: 1.2; }
  thead th { hyphens: manual; }
  tr > :first-child { width: 3.4em; }
  td { padding: 0.1em 0.3em; }
  td.most { font-weight: 700; }
  .bar { display: block; height: 0.4em; border-radius: 0.2em; background: #e3e0d6; }
  .bar > span { display: block; height: 100%; border-radius: inherit; background: var(--first); }
  .most .bar > span { background: var(--second); }
`;

export function create(frame, { network, examples, targets }) {
  const [count, rows, columns] = examples.shape;
  const size = network.hidden.bias.length;
  const random = generator(1);
  let example = 0;
  let mask = drawMask(size, network.p, random);
  let [units, together, scaled] = [];
  const pixels = () => examples.subarray(example * rows * columns, (example + 1) * rows * columns);
  const compute = () => {
    units = hiddenUnits(network, pixels());
    scaled = weightScaled(network, units);
    together = ensemble(network, units);
  };
  compute();

  const picture = frame.canvas({
    label: () => `A handwritten ${targets[example]}, ${rows} by ${columns} pixels.`,
    height: (width) => (width * rows) / columns,
    draw: (context, width) => {
      const cell = width / columns;
      pixels().forEach((ink, i) => {
        context.globalAlpha = ink;
        context.fillStyle = frame.look.ink;
        context.fillRect((i % columns) * cell, Math.floor(i / columns) * cell, cell, cell);
      });
      context.globalAlpha = 1;
      context.strokeStyle = "#767469";
      context.strokeRect(0.5, 0.5, width - 1, cell * rows - 1);
    },
  });
  const switches = Array.from({ length: size }, (_, unit) =>
    frame.element("button", {
      type: "button",
      click: () => {
        mask[unit] = 1 - mask[unit];
        refresh();
      },
    }),
  );
  const heads = [
    "this net\u00adwork",
    "weight scaling",
    "geo\u00admetric mean",
    "arith\u00admetic mean",
  ];
  const table = frame.element("table", { "aria-label": "Probability of each digit" });
  const status = frame.status();

  const cell = (value, most) =>
    frame.element(
      "td",
      { class: most ? "most" : undefined },
      frame.element("span", { class: "number" }, percent(value)),
      frame.element(
        "span",
        { class: "bar", "aria-hidden": "true" },
        frame.element("span", { style: `width: ${100 * value}%` }),
      ),
    );
  const refresh = () => {
    const one = thinned(network, units, mask);
    switches.forEach((button, unit) => {
      const gives = units[unit] ? units[unit].toFixed(2) : "0";
      button.setAttribute("aria-pressed", mask[unit] === 1);
      button.setAttribute("aria-label", `Hidden unit ${unit + 1}, which gives ${gives}`);
      const name = frame.element("b", {}, String(unit + 1));
      button.replaceChildren(name, mask[unit] ? gives : "off");
    });
    const answers = [one, scaled, together.geometric, together.arithmetic];
    const best = answers.map(largest);
    const line = (_, digit) =>
      frame.element(
        "tr",
        {},
        frame.element(
          "th",
          { scope: "row" },
          digit === targets[example] ? `${digit} (true)` : digit,
        ),
        ...answers.map((answer, i) => cell(answer[digit], best[i] === digit)),
      );
    table.replaceChildren(
      frame.element(
        "thead",
        {},
        frame.element(
          "tr",
          {},
          frame.element("th", { scope: "col" }, "digit"),
          ...heads.map((head) => frame.element("th", { scope: "col" }, head)),
        ),
      ),
      frame.element("tbody", {}, ...Array.from(one, line)),
    );
    const stay = mask.reduce((sum, on) => sum + on);
    status.textContent =
      `This network has ${stay} of ${size} units and reads a ${best[0]} ` +
      `(${percent(one[best[0]])}). Of all ${whole(2 ** size)} networks ` +
      `${percent(together.named[targets[example]])} read the ${targets[example]} right; ` +
      `together they read a ${best[2]} (geometric mean) and a ${best[3]} (arithmetic).`;
    picture.redraw();
  };
  refresh();

  frame.shadow.append(frame.element("style", {}, STYLE));
  frame.add(
    frame.row(
      frame.choice({
        label: "Picture",
        options: Array.from({ length: count }, (_, i) => ({
          value: i,
          text: `${targets[i]}`,
          hears: `${targets[i]}, picture ${i + 1} of ${count}`,
        })),
        value: example,
        change: (value) => {
          example = value;
          compute();
          refresh();
        },
      }),
    ),
    frame.side(
      frame.element("div", { class: "seen" }, picture),
      frame.element(
        "div",
        {},
        frame.element("p", { class: "title" }, "Hidden units and what they give"),
        frame.element("div", { class: "switches" }, ...switches),
      ),
    ),
    frame.row(
      frame.button("Draw a mask", () => {
        mask = drawMask(size, network.p, random);
        refresh();
      }),
      frame.button("All units", () => {
        mask.fill(1);
        refresh();
      }),
    ),
    status,
    table,
  );
}
