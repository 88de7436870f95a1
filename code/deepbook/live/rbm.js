// The restricted Boltzmann machine of deepbook.boltzmann.RBM: its conditional distributions.
// A machine is { weight, visible_bias, hidden_bias }, the weight row by row: (visible, hidden).

export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// log(1 + exp(x)), without overflow.
export const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export function hiddenInput({ weight, hidden_bias }, visible) {
  const input = Float64Array.from(hidden_bias);
  for (let i = 0; i < visible.length; i++) {
    if (visible[i] === 0) continue; // most of a picture is paper
    const row = i * input.length;
    for (let j = 0; j < input.length; j++) input[j] += visible[i] * weight[row + j];
  }
  return input;
}

export function visibleInput({ weight, visible_bias }, hidden) {
  return Float64Array.from(visible_bias, (bias, i) => {
    const row = i * hidden.length;
    let input = bias;
    for (let j = 0; j < hidden.length; j++) input += weight[row + j] * hidden[j];
    return input;
  });
}

// P(h = 1 | v) and P(v = 1 | h).
export const hiddenMean = (machine, visible) => hiddenInput(machine, visible).map(sigmoid);
export const visibleMean = (machine, hidden) => visibleInput(machine, hidden).map(sigmoid);

// 1 with the given probability, else 0.
export const bernoulli = (probability, random) => probability.map((p) => (random() < p ? 1 : 0));

// F(v) = -log sum_h exp(-E(v, h)), in nats.
export function freeEnergy(machine, visible) {
  let energy = 0;
  for (const [i, v] of visible.entries()) energy -= v * machine.visible_bias[i];
  for (const input of hiddenInput(machine, visible)) energy -= softplus(input);
  return energy;
}
