// A recurrent network with gated units that writes a text, letter by letter.
//
// A network is { embedding, inputWeight, hiddenWeight, inputBias, hiddenBias, outputWeight,
// outputBias }, matrices with a row for each output, as torch's GRU has them: reset gate, update
// gate and candidate one below the other.

import { generator } from "./random.js";

// bias + weight x, in float64.
function affine(weight, bias, x) {
  const size = x.length;
  return Float64Array.from(bias, (start, row) => {
    let sum = start;
    for (let i = 0, at = row * size; i < size; i++, at++) sum += weight[at] * x[i];
    return sum;
  });
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

export const zeros = ({ hiddenBias }) => new Float64Array(hiddenBias.length / 3);

// The state after a symbol: reset is applied to what the state gives, bias and all.
export function read(network, state, symbol) {
  const width = network.embedding.shape[1];
  const x = network.embedding.subarray(symbol * width, (symbol + 1) * width);
  const given = affine(network.inputWeight, network.inputBias, x);
  const kept = affine(network.hiddenWeight, network.hiddenBias, state);
  const size = state.length;
  return state.map((before, i) => {
    const reset = sigmoid(given[i] + kept[i]);
    const update = sigmoid(given[size + i] + kept[size + i]);
    const candidate = Math.tanh(given[2 * size + i] + reset * kept[2 * size + i]);
    return (1 - update) * candidate + update * before;
  });
}

export const logits = ({ outputWeight, outputBias }, state) =>
  affine(outputWeight, outputBias, state);

// softmax(scores / temperature); at 0 the first of the highest has it all.
export function chances(scores, temperature) {
  const highest = Math.max(...scores);
  if (temperature === 0) {
    const best = scores.indexOf(highest);
    return scores.map((_, i) => (i === best ? 1 : 0));
  }
  const weights = scores.map((score) => Math.exp((score - highest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

// A symbol with these probabilities.
export function draw(probabilities, random) {
  let left = random();
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] > 0) last = i;
    left -= probabilities[i];
    if (left < 0) return i;
  }
  return last; // rounding left a crumb
}

// Symbols from the likeliest to the least likely, the first so many.
export const likeliest = (probabilities, count) =>
  Array.from(probabilities, (_, i) => i)
    .sort((a, b) => probabilities[b] - probabilities[a] || a - b)
    .slice(0, count);

const SHOWN = 700; // characters
const BARS = 8;
const NAMES = { " ": "space", "\n": "new line" };
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;

const STYLE = `
  .text { min-height: 12.5em; max-height: 12.5em; overflow: hidden; margin: 0 0 0.6em;
    padding: 0.5em 0.7em; border: 1px solid #767469; border-radius: 0.4em; background: #fff;
    font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap;
    overflow-wrap: anywhere; display: flex; flex-direction: column; justify-content: flex-end; }
  .text b { font-weight: 700; background: #ece9df; }
  .letters { display: grid; gap: 0.2em; }
  .letters button { display: grid; grid-template-columns: 4.6em 1fr 3.2em; gap: 0.5em;
    align-items: center; min-height: 44px; padding: 0 0.6em; text-align: left; }
  .letters .bar { height: 0.8em; border-radius: 0.2em; background: #e3e0d6; }
  .letters .bar > span { display: block; height: 100%; border-radius: inherit;
    background: var(--first); }
  .letters .number { text-align: right; }
  .title { margin: 0 0 0.2em; font-weight: 650; }
`;

export function create(frame, { network, alphabet, start, temperature, seed, perSecond }) {
  const letters = Array.from(alphabet);
  const given = Array.from(start, (letter) => letters.indexOf(letter));
  let heat = temperature;
  let random, state, text, scores, next;

  const take = (symbol) => {
    text += letters[symbol];
    state = read(network, state, symbol);
    scores = logits(network, state);
  };
  const consider = () => (next = chances(scores, heat));
  const restart = () => {
    [state, text] = [zeros(network), ""];
    given.forEach(take);
    consider();
  };
  const advance = () => {
    take(draw(next, random));
    consider();
  };

  const written = frame.element("span");
  const page = frame.element(
    "div",
    { class: "text", role: "img", "aria-label": "The text so far" },
    written,
  );
  let offered = [];
  const buttons = Array.from({ length: Math.min(BARS, letters.length) }, (_, i) =>
    frame.element("button", {
      type: "button",
      click: () => {
        take(offered[i]);
        consider();
        show();
      },
    }),
  );
  const show = () => {
    const seen = text.slice(-SHOWN);
    written.replaceChildren(
      seen.slice(0, -1),
      frame.element("b", {}, seen.slice(-1) === "\n" ? "↵\n" : seen.slice(-1)),
    );
    page.setAttribute("aria-label", `The text so far ends: ${text.slice(-120)}`);
    offered = likeliest(next, buttons.length);
    buttons.forEach((button, i) => {
      const [letter, share] = [letters[offered[i]], next[offered[i]]];
      const name = NAMES[letter] ?? letter;
      button.setAttribute("aria-label", `Write ${name}, ${percent(share)}`);
      button.replaceChildren(
        frame.element("span", {}, name),
        frame.element(
          "span",
          { class: "bar", "aria-hidden": "true" },
          frame.element("span", { style: `width: ${100 * share}%` }),
        ),
        frame.element("span", { class: "number" }, percent(share)),
      );
    });
  };
  random = generator(seed);
  restart();
  show();

  frame.shadow.append(frame.element("style", {}, STYLE));
  frame.add(
    page,
    frame.row(
      frame.range({
        label: "Temperature",
        min: 0,
        max: 2,
        step: 0.05,
        value: temperature,
        text: (value) => (value ? value.toFixed(2) : "0, the likeliest letter"),
        change: (value) => {
          heat = value;
          consider();
          show();
        },
      }),
      frame.button("Start again", () => {
        restart();
        show();
      }),
    ),
    frame.clock({ advance, draw: show, perSecond: () => perSecond, starts: false }),
    frame.element("p", { class: "title" }, "What may come next"),
    frame.element("div", { class: "letters" }, ...buttons),
  );
}
