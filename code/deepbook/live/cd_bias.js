// How far contrastive divergence with k steps is from the gradient of the log-likelihood, exactly,
// on a machine small enough to enumerate.

import { freeEnergy, hiddenMean, visibleMean } from "./rbm.js";

// All states of so many binary units, the first unit as highest bit (deepbook's all_states).
export const allStates = (size) =>
  Array.from({ length: 2 ** size }, (_, number) =>
    Float64Array.from({ length: size }, (_, i) => (number >> (size - 1 - i)) & 1),
  );

// P(units) of independent binary units with the given means, for every one of the states.
const chances = (states, mean) =>
  Float64Array.from(states, (state) =>
    state.reduce((product, on, i) => product * (on ? mean[i] : 1 - mean[i]), 1),
  );

// T[v][v'] = sum_h P(h | v) P(v' | h): one step of block Gibbs sampling.
export function transitionMatrix(machine) {
  const visibleStates = allStates(machine.visible_bias.length);
  const hiddenStates = allStates(machine.hidden_bias.length);
  const down = hiddenStates.map((hidden) => chances(visibleStates, visibleMean(machine, hidden)));
  return visibleStates.map((visible) => {
    const row = new Float64Array(visibleStates.length);
    chances(hiddenStates, hiddenMean(machine, visible)).forEach((chance, h) => {
      for (let v = 0; v < row.length; v++) row[v] += chance * down[h][v];
    });
    return row;
  });
}

// The distribution one step later.
export function afterStep(probability, transition) {
  const next = new Float64Array(probability.length);
  probability.forEach((p, from) => {
    if (p) for (let to = 0; to < next.length; to++) next[to] += p * transition[from][to];
  });
  return next;
}

// p(v) of the machine, for all visible states.
export function modelProbability(machine) {
  const visibleStates = allStates(machine.visible_bias.length);
  const energies = visibleStates.map((visible) => freeEnergy(machine, visible));
  const lowest = Math.min(...energies);
  const weights = Float64Array.from(energies, (energy) => Math.exp(lowest - energy));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

// E[v h], E[v], E[h] in one array, weights row by row first, under a distribution of v.
export function statistics(machine, probability) {
  const [n, m] = [machine.visible_bias.length, machine.hidden_bias.length];
  const result = new Float64Array(n * m + n + m);
  allStates(n).forEach((visible, state) => {
    const p = probability[state];
    if (!p) return;
    const hidden = hiddenMean(machine, visible);
    visible.forEach((v, i) => {
      if (!v) return;
      for (let j = 0; j < m; j++) result[i * m + j] += p * hidden[j];
      result[n * m + i] += p;
    });
    for (let j = 0; j < m; j++) result[n * m + n + j] += p * hidden[j];
  });
  return result;
}

const minus = (a, b) => a.map((value, i) => value - b[i]);
const length = (a) => Math.hypot(...a);

// Gradient of the mean log-likelihood: statistics of the data less those of the machine.
export const trueGradient = (machine, data) =>
  minus(statistics(machine, data), statistics(machine, modelProbability(machine)));

// Expected gradient of CD-k for each k in steps (rising): statistics of the data less those of
// the data after k steps.
export function cdGradients(machine, data, steps) {
  const transition = transitionMatrix(machine);
  const positive = statistics(machine, data);
  let [probability, k] = [data, 0];
  return steps.map((until) => {
    for (; k < until; k++) probability = afterStep(probability, transition);
    return minus(positive, statistics(machine, probability));
  });
}

// ||cd - truth|| / ||truth||, and the angle between them in degrees.
export function bias(cd, truth) {
  const product = cd.reduce((sum, value, i) => sum + value * truth[i], 0);
  const cosine = product / (length(cd) * length(truth));
  return {
    relative: length(minus(cd, truth)) / length(truth),
    angle: (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI,
  };
}

const percent = (share) => `${(100 * share).toPrecision(share < 0.1 ? 2 : 3)}%`;

export function create(frame, { machine, data, steps, chosen }) {
  const [ink, [blue, orange]] = [frame.look.ink, frame.look.colors];
  const weights = machine.weight.length;
  let [at, strength] = [Math.max(0, steps.indexOf(chosen)), 1];
  let truth, gradients, biases;
  const compute = () => {
    const scaled = { ...machine, weight: machine.weight.map((weight) => strength * weight) };
    truth = trueGradient(scaled, data);
    gradients = cdGradients(scaled, data, steps);
    biases = gradients.map((gradient) => bias(gradient, truth));
  };
  compute();

  const said = () => {
    const { relative, angle } = biases[at];
    return (
      `CD-${steps[at]} is off by ${percent(relative)} of the true gradient's length; ` +
      `the angle between them is ${angle.toFixed(1)}°.`
    );
  };
  const axes = (context, left, top, right, bottom) => {
    context.strokeStyle = ink;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(left, top);
    context.lineTo(left, bottom);
    context.lineTo(right, bottom);
    context.stroke();
  };
  const upright = (context, text, x, y) => {
    context.save();
    context.translate(x, y);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(text, 0, 0);
    context.restore();
  };

  const scatter = frame.canvas({
    label: () =>
      `Each component of the gradient: true value across, CD-${steps[at]} upwards. ` +
      "On the diagonal both agree.",
    height: (width) => Math.min(width, 340),
    draw: (context, width, tall) => {
      const [left, top, right, bottom] = [30, 10, width - 10, tall - 30];
      const most = 1.08 * Math.max(...truth.map(Math.abs), ...gradients[0].map(Math.abs), 1e-9);
      const x = (value) => left + ((value / most + 1) / 2) * (right - left);
      const y = (value) => bottom - ((value / most + 1) / 2) * (bottom - top);
      axes(context, left, top, right, bottom);
      context.strokeStyle = "#767469";
      context.setLineDash([5, 4]);
      context.beginPath();
      context.moveTo(x(-most), y(-most));
      context.lineTo(x(most), y(most));
      context.moveTo(x(-most), y(0));
      context.lineTo(x(most), y(0));
      context.moveTo(x(0), y(-most));
      context.lineTo(x(0), y(most));
      context.stroke();
      context.setLineDash([]);
      context.lineWidth = 1.8;
      gradients[at].forEach((value, i) => {
        const [px, py] = [x(truth[i]), y(value)];
        context.beginPath();
        if (i < weights) {
          context.strokeStyle = blue;
          context.arc(px, py, 4.5, 0, 7);
        } else {
          context.strokeStyle = orange;
          context.moveTo(px - 4.5, py - 4.5);
          context.lineTo(px + 4.5, py + 4.5);
          context.moveTo(px - 4.5, py + 4.5);
          context.lineTo(px + 4.5, py - 4.5);
        }
        context.stroke();
      });
      context.fillStyle = ink;
      context.textAlign = "center";
      context.fillText("true gradient", (left + right) / 2, tall - 10);
      upright(context, `expected CD-${steps[at]} gradient`, 18, (top + bottom) / 2);
      context.textAlign = "left";
      [
        ["○", "weights", blue],
        ["×", "biases", orange],
      ].forEach(([sign, name, color], line) => {
        context.fillStyle = color;
        context.fillText(sign, left + 10, top + 14 + 18 * line);
        context.fillStyle = ink;
        context.fillText(name, left + 25, top + 14 + 18 * line);
      });
    },
  });

  const curve = frame.canvas({
    label: () =>
      `The bias falls as k rises: ${percent(biases[0].relative)} at CD-${steps[0]}, ` +
      `${percent(biases.at(-1).relative)} at CD-${steps.at(-1)}.`,
    height: (width) => Math.min(width, 340),
    draw: (context, width, tall) => {
      const [left, top, right, bottom] = [64, 10, width - 22, tall - 46];
      const floor = 1e-4;
      const last = Math.log(steps.at(-1));
      const x = (k) =>
        left + (last ? Math.log(k / steps[0]) / (last - Math.log(steps[0])) : 0) * (right - left);
      const highest = Math.max(1, ...biases.map(({ relative }) => relative));
      const span = Math.log(highest / floor);
      const y = (value) =>
        bottom - (Math.log(Math.max(value, floor) / floor) / span) * (bottom - top);
      axes(context, left, top, right, bottom);
      context.fillStyle = ink;
      for (const value of [1e-4, 1e-3, 1e-2, 0.1, 1]) {
        context.textAlign = "right";
        context.fillText(`${value * 100}%`, left - 6, y(value) + 4);
      }
      context.textAlign = "center";
      for (const k of [1, 10, 100, 1000]) {
        if (k >= steps[0] && k <= steps.at(-1)) context.fillText(k, x(k), bottom + 17);
      }
      context.fillText("steps k", (left + right) / 2, tall - 8);
      upright(context, "bias", 14, (top + bottom) / 2);
      context.strokeStyle = blue;
      context.lineWidth = 1.8;
      context.beginPath();
      const shown = biases.findIndex(({ relative }) => relative < floor);
      const drawn = biases.slice(0, shown < 0 ? undefined : shown + 1);
      for (const [i, { relative }] of drawn.entries()) {
        context.lineTo(x(steps[i]), y(relative));
      }
      context.stroke();
      context.fillStyle = orange;
      context.strokeStyle = ink;
      context.beginPath();
      context.arc(x(steps[at]), y(biases[at].relative), 6.5, 0, 7);
      context.fill();
      context.stroke();
    },
  });

  const status = frame.status(said());
  const refresh = () => {
    status.textContent = said();
    scatter.redraw();
    curve.redraw();
  };
  frame.add(
    frame.row(
      frame.range({
        label: "Steps k",
        min: 0,
        max: steps.length - 1,
        value: at,
        text: (value) => String(steps[value]),
        change: (value) => {
          at = value;
          refresh();
        },
      }),
      frame.range({
        label: "All weights",
        min: 0.25,
        max: 2,
        step: 0.25,
        value: 1,
        text: (value) => `× ${value}`,
        change: (value) => {
          strength = value;
          compute();
          refresh();
        },
      }),
    ),
    frame.side(scatter, curve),
    status,
  );
}
