// A word typed by the reader, pronounced by a network with attention, and where it looks.

const [BEGIN, END, FIRST] = [1, 2, 3]; // the numbers of Vocabulary

// A linear layer: weight is (inputs, outputs), row by row. Without bias it begins with zeros.
export function linear({ weight, bias }, inputs, outputs) {
  const sums = bias ? Float64Array.from(bias) : new Float64Array(outputs);
  inputs.forEach((value, i) => {
    for (let j = 0; j < sums.length; j++) sums[j] += value * weight[i * sums.length + j];
  });
  return sums;
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// The next state of a GRU as torch has it: reset, update and new stand side by side.
export function gru({ input, state }, x, h) {
  const [a, b] = [linear(input, x), linear(state, h)];
  const n = h.length;
  return h.map((old, i) => {
    const reset = sigmoid(a[i] + b[i]);
    const update = sigmoid(a[n + i] + b[n + i]);
    const fresh = Math.tanh(a[2 * n + i] + reset * b[2 * n + i]);
    return (1 - update) * fresh + update * old;
  });
}

export function softmax(scores) {
  const highest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - highest));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

const row = (table, size, number) => table.subarray(number * size, (number + 1) * size);

// The states of both directions for each letter, side by side, and the decoder's first state.
export function encode(net, numbers) {
  const rows = numbers.map((number) => row(net.read, net.embedding, number));
  const half = net.hidden / 2;
  const run = (cell, inputs) => {
    let h = new Float64Array(half);
    return inputs.map((x) => (h = gru(cell, x, h)));
  };
  const there = run(net.forwards, rows);
  const back = run(net.backwards, [...rows].reverse()).reverse();
  const memory = there.map((h, i) => Float64Array.from([...h, ...back[i]]));
  const both = [...there[there.length - 1], ...back[0]];
  return { memory, state: linear(net.first, both).map(Math.tanh) };
}

// One symbol more: the decoder's state, the weights of attention, the probabilities of the end
// and of each symbol.
export function step(net, memory, state, last) {
  const s = gru(net.decoder, row(net.written, net.embedding, last), state);
  const query = linear(net.query, s, net.hidden);
  const scores = memory.map(
    (h) => h.reduce((sum, value, i) => sum + value * query[i], 0) / Math.sqrt(net.hidden),
  );
  const weights = softmax(scores);
  const context = new Float64Array(net.hidden);
  memory.forEach((h, i) => {
    for (let j = 0; j < net.hidden; j++) context[j] += weights[i] * h[j];
  });
  const mixed = linear(net.mix, [...s, ...context]).map(Math.tanh);
  return { state: s, weights, chances: softmax(linear(net.logits, mixed)) };
}

// What the network says to a word of its letters, greedily: for each sound its number among the
// phonemes, its probability and the weights of the letters.
export function pronounce(net, word, longest = 40) {
  const encoded = encode(
    net,
    [...word].map((letter) => FIRST + net.letters.indexOf(letter)),
  );
  const said = [];
  let [state, last] = [encoded.state, BEGIN];
  while (said.length < longest) {
    const next = step(net, encoded.memory, state, last);
    const best = next.chances.indexOf(Math.max(...next.chances));
    if (best === 0) break; // the end
    said.push({ sound: best - 1, chance: next.chances[best], weights: [...next.weights] });
    [state, last] = [next.state, best + END];
  }
  return said;
}

const STYLE = `
  input.word { font: inherit; padding: 0.3em 0.5em; width: min(14em, 100%); }
`;
const MOST = 20;

export function create(frame, { net, word }) {
  const [ink, [blue]] = [frame.look.ink, frame.look.colors];
  const channels = [1, 3, 5].map((at) => parseInt(blue.slice(at, at + 2), 16));
  const clean = (text) =>
    [...text.toLowerCase()]
      .filter((c) => net.letters.includes(c))
      .slice(0, MOST)
      .join("");
  let [typed, said] = [word, pronounce(net, word)];
  const name = ({ sound }) => net.phonemes[sound];
  const told = () =>
    typed
      ? `${typed}: ${said.map(name).join(" ") || "nothing"}`
      : "Type a word of the letters a to z.";

  const cell = 24;
  const [left, top] = [56, 26];
  const canvas = frame.canvas({
    label: () =>
      `Weights of attention. ${said
        .map((one) => {
          const at = one.weights.indexOf(Math.max(...one.weights));
          return `${name(one)} looks most at letter ${at + 1}, ${typed[at]}.`;
        })
        .join(" ")}`,
    height: top + cell * 22,
    draw: (context, width) => {
      const wide = Math.min(cell, (width - left - 4) / Math.max(typed.length, 1));
      const tall = Math.min(cell, (cell * 22) / Math.max(said.length, 1));
      context.fillStyle = ink;
      context.textAlign = "center";
      [...typed].forEach((letter, i) => {
        context.fillText(letter, left + wide * (i + 0.5), 16);
      });
      said.forEach((one, t) => {
        context.textAlign = "right";
        context.fillStyle = ink;
        context.fillText(name(one), left - 8, top + tall * t + tall / 2 + 5);
        one.weights.forEach((weight, i) => {
          context.fillStyle = `rgba(${channels.join(", ")}, ${weight})`;
          context.fillRect(left + wide * i, top + tall * t, wide - 1, tall - 1);
          context.strokeStyle = "#76746955";
          context.strokeRect(left + wide * i + 0.5, top + tall * t + 0.5, wide - 2, tall - 2);
        });
      });
    },
  });

  const status = frame.status(told());
  const input = frame.element("input", {
    type: "text",
    class: "word",
    value: word,
    maxlength: 40,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    input: () => {
      typed = clean(input.value);
      said = typed ? pronounce(net, typed) : [];
      status.textContent = told();
      canvas.redraw();
    },
  });
  frame.shadow.append(frame.element("style", {}, STYLE));
  frame.add(frame.element("label", {}, "A word: ", input), status, canvas);
}
