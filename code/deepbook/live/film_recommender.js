// A reader rates a few films; a trained model says what it expects of all the others.
// Ratings are a Map from the film's index to the index of the answer. They never leave the page.

import { sigmoid, softplus } from "./rbm.js";

const softmax = (inputs) => {
  const highest = Math.max(...inputs);
  const weights = inputs.map((input) => Math.exp(input - highest));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
};

// What each hidden unit hears from the films that are rated; weight is (films, answers, hidden).
export function hiddenInput({ weight, hidden_bias }, ratings) {
  const [, answers, hidden] = weight.shape;
  const input = Float64Array.from(hidden_bias);
  for (const [film, answer] of ratings) {
    const row = (film * answers + answer) * hidden;
    for (let j = 0; j < hidden; j++) input[j] += weight[row + j];
  }
  return input;
}

// P(answer | the ratings) for each film, exactly: all hidden units are summed out, one softplus
// each (SoftmaxRBM.predictive). Of use for films that are not rated.
export function answerChances(model, ratings) {
  const [films, answers, hidden] = model.weight.shape;
  const heard = hiddenInput(model, ratings);
  return Array.from({ length: films }, (_, film) =>
    softmax(
      Array.from({ length: answers }, (_, answer) => {
        const row = (film * answers + answer) * hidden;
        let weight = model.visible_bias[film * answers + answer];
        for (let j = 0; j < hidden; j++) weight += softplus(heard[j] + model.weight[row + j]);
        return weight;
      }),
    ),
  );
}

const ACTIVATIONS = {
  identity: (x) => x,
  relu: (x) => Math.max(x, 0),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  sigmoid,
  tanh: Math.tanh,
};

// Layers of { weight (outputs, inputs), bias, activation }, one after the other.
export const network = (layers, input) =>
  layers.reduce(
    (values, { weight, bias, activation }) =>
      Float64Array.from(bias, (start, i) => {
        let sum = start;
        for (let j = 0; j < values.length; j++) sum += weight[i * values.length + j] * values[j];
        return ACTIVATIONS[activation](sum);
      }),
    input,
  );

// The answer expected for each film, on the scale of values (stars, or 0 and 1).
export function expected(model, values, ratings) {
  if (model.kind === "softmax") {
    return answerChances(model, ratings).map((chances) =>
      chances.reduce((sum, chance, answer) => sum + chance * values[answer], 0),
    );
  }
  // what an autoencoder sees and gives is the distance from each film's offset
  const input = new Float64Array(model.offset.length);
  for (const [film, answer] of ratings) {
    input[film] = (values[answer] - model.offset[film]) / model.scale;
  }
  const output = network(model.layers, input);
  return Array.from(output, (value, film) => model.offset[film] + model.scale * value);
}

// The films that are not rated yet, best first, at most so many.
export const best = (values, ratings, count) =>
  Array.from(values, (value, film) => ({ film, value }))
    .filter(({ film }) => !ratings.has(film))
    .sort((a, b) => b.value - a.value || a.film - b.film)
    .slice(0, count);

const LISTED = 6;
const RECOMMENDED = 8;
const STYLE = `
  .films > .choice { border-top: 1px solid #dcd8cc; padding: 0.25em 0; gap: 0; }
  .films > .choice .title { flex: 1 1 100%; }
  .films > .choice label { min-width: 40px; padding: 0; justify-content: center; gap: 0.2em; }
  ol { margin: 0; padding: 0; list-style: none; }
  li { display: grid; grid-template-columns: 1fr auto; gap: 0 0.6em; padding: 0.32em 0; }
  .bar { grid-column: 1 / 3; height: 0.4em; border-radius: 0.2em; background: #e3e0d6; }
  .bar > span { display: block; height: 100%; border-radius: inherit; background: var(--first); }
  .head { margin-top: 0; font-weight: 650; }
  input[type="search"] { width: 100%; margin-bottom: 0.5em; }
`;

export function create(frame, { films, model, answers, values, unit }) {
  const ratings = new Map();
  let [offered, sought] = [0, ""];
  const [worst, top] = [Math.min(...values), Math.max(...values)];
  const list = frame.element("div", { class: "films" });
  const chosen = frame.element("ol", { "aria-label": "Recommendations" });
  const status = frame.status();

  const rate = (film, answer) => {
    if (answer === null) ratings.delete(film);
    else ratings.set(film, answer);
    recommend();
  };
  const asked = (film) =>
    frame.choice({
      label: films[film],
      options: [{ value: null, text: "–", hears: "not rated" }].concat(
        answers.map((text, value) => ({ value, text, hears: `${text} ${unit}`.trim() })),
      ),
      value: ratings.get(film) ?? null,
      change: (answer) => rate(film, answer),
    });
  const ask = () => {
    const all = [...films.keys()];
    const found = all.filter((film) => films[film].toLowerCase().includes(sought));
    const fresh = found.filter((film) => !ratings.has(film));
    const shown = sought
      ? fresh.slice(0, LISTED)
      : Array.from(
          { length: Math.min(LISTED, fresh.length) },
          (_, i) => fresh[(offered + i) % fresh.length],
        );
    list.replaceChildren(
      ...found.filter((film) => ratings.has(film)).map(asked),
      ...shown.map(asked),
    );
    if (!list.children.length) list.append(`No film here is called “${sought}”.`);
  };
  const recommend = () => {
    const found = best(expected(model, values, ratings), ratings, RECOMMENDED);
    chosen.replaceChildren(
      ...found.map(({ film, value }) => {
        const fill = frame.element("span");
        fill.style.width = `${100 * Math.min(1, Math.max(0, (value - worst) / (top - worst)))}%`;
        return frame.element(
          "li",
          {},
          frame.element("span", {}, films[film]),
          frame.element("span", { class: "number" }, value.toFixed(2)),
          frame.element("div", { class: "bar" }, fill),
        );
      }),
    );
    const count = ratings.size;
    status.textContent = count
      ? `From your ${count} rating${count > 1 ? "s" : ""}, which stay on this page.`
      : "You have rated nothing yet: this is what the model expects of anybody.";
  };

  frame.shadow.append(frame.element("style", {}, STYLE));
  frame.add(
    frame.side(
      frame.element(
        "div",
        {},
        frame.element("p", { class: "head" }, "Films that you know"),
        frame.element("input", {
          type: "search",
          "aria-label": "Find a film",
          placeholder: "Find a film",
          input: (event) => {
            sought = event.target.value.trim().toLowerCase();
            ask();
          },
        }),
        list,
        frame.row(
          frame.button("Other films", () => {
            offered += LISTED;
            ask();
          }),
          frame.button("Forget my ratings", () => {
            ratings.clear();
            ask();
            recommend();
          }),
        ),
      ),
      frame.element(
        "div",
        {},
        frame.element("p", { class: "head" }, "What the model would show you"),
        status,
        chosen,
      ),
    ),
  );
  ask();
  recommend();
}
