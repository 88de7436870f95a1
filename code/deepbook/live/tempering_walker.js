// A walker on a landscape of energies, beside one that trades places with hotter walkers.

import { generator } from "./random.js";

// p(place) = exp(-beta E(place)) / Z, for all places.
export function boltzmann(energy, beta) {
  const lowest = energy.reduce((low, e) => Math.min(low, e));
  const weights = Float64Array.from(energy, (e) => Math.exp(-beta * (e - lowest)));
  const total = weights.reduce((sum, w) => sum + w);
  return weights.map((w) => w / total);
}

// One Metropolis step: a place at most width to the left or right is proposed, all equally often,
// and taken with probability min(1, exp(-beta (E(new) - E(old)))).
export function metropolis(energy, beta, place, width, random) {
  const jump = 1 + Math.floor(random() * 2 * width); // 1 .. 2 width
  const proposed = place + (jump > width ? width - jump : jump);
  const chance = random();
  if (proposed < 0 || proposed >= energy.length) return place;
  return chance < Math.exp(-beta * (energy[proposed] - energy[place])) ? proposed : place;
}

// Probability that two walkers at these inverse temperatures trade places.
export const tradeChance = (betas, energies) =>
  Math.min(1, Math.exp((betas[0] - betas[1]) * (energies[0] - energies[1])));

// One sweep of parallel tempering: a Metropolis step at each temperature, then neighbouring
// temperatures trade, even pairs and odd pairs in turn.
// places is changed; returns the pairs (their lower index) that traded.
export function sweep(energy, betas, places, width, parity, random) {
  for (let i = 0; i < betas.length; i++) {
    places[i] = metropolis(energy, betas[i], places[i], width, random);
  }
  const traded = [];
  for (let i = parity; i + 1 < betas.length; i += 2) {
    const pair = [betas[i], betas[i + 1]];
    if (random() < tradeChance(pair, [energy[places[i]], energy[places[i + 1]]])) {
      [places[i], places[i + 1]] = [places[i + 1], places[i]];
      traded.push(i);
    }
  }
  return traded;
}

// Half the sum of absolute differences: 0 for equal distributions, 1 for disjoint ones.
export function totalVariation(counts, probability) {
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  return probability.reduce((sum, p, i) => sum + Math.abs(counts[i] / total - p), 0) / 2;
}

// Lowest and highest energy to draw: steep walls around the valleys are cut off.
function seen(energy) {
  const above = (j, i) => j < 0 || j >= energy.length || energy[j] > energy[i];
  const valleys = [...energy.keys()].filter((i) => above(i - 1, i) && above(i + 1, i));
  const bottom = Math.min(...energy);
  const between = energy.slice(valleys[0], valleys.at(-1) + 1);
  if (valleys.length < 2) return [bottom, Math.max(...energy)];
  return [bottom, bottom + 1.5 * (Math.max(...between) - bottom)];
}

export function create(frame, given) {
  const { energy, betas, width, start, seed, perSecond, low, high, name } = given;
  const [ink, [blue, orange]] = [frame.look.ink, frame.look.colors];
  const count = energy.length;
  let [pace, depth] = [perSecond, 1];
  let random, lone, places, alone, tempered, steps, crossings, side, landscape, target, traded;

  const restart = () => {
    random = generator(seed);
    landscape = energy.map((e) => depth * e);
    target = boltzmann(landscape, betas[0]);
    lone = start;
    places = new Array(betas.length).fill(start);
    [alone, tempered] = [new Float64Array(count), new Float64Array(count)];
    steps = 0;
    traded = [];
    crossings = [0, 0];
    side = [half(start), half(start)];
  };
  // which side of the landscape's middle; a quarter around the middle is neither
  const half = (place) => Math.sign(Math.trunc((place / (count - 1) - 0.5) * 8));
  const visit = (who, place) => {
    const now = half(place);
    if (now && side[who] && now !== side[who]) crossings[who]++;
    side[who] = now || side[who];
  };
  const advance = () => {
    lone = metropolis(landscape, betas[0], lone, width, random);
    traded = sweep(landscape, betas, places, width, steps % 2, random);
    alone[lone]++;
    tempered[places[0]]++;
    visit(0, lone);
    visit(1, places[0]);
    steps++;
  };

  const x = (place, wide) => 8 + (place / (count - 1)) * (wide - 16);
  const disc = (context, px, py, color, round) => {
    context.fillStyle = color;
    context.strokeStyle = ink;
    context.beginPath();
    if (round) context.arc(px, py, 7, 0, 7);
    else context.rect(px - 6, py - 6, 12, 12);
    context.fill();
    context.stroke();
  };
  const ROW = 74;
  const landscapes = frame.canvas({
    label: () =>
      `${betas.length} landscapes, from the coldest above to the hottest and flattest ` +
      "below, with a walker on each.",
    height: betas.length * ROW + 22,
    draw: (context, wide) => {
      const [bottom, top] = seen(landscape);
      betas.forEach((beta, row) => {
        const y = (e) =>
          (row + 1) * ROW - ((e - bottom) / (top - bottom || 1)) * (ROW - 30) * (beta / betas[0]);
        context.save();
        context.beginPath();
        context.rect(0, y(top), wide, ROW);
        context.clip();
        context.strokeStyle = ink;
        context.lineWidth = 1.5;
        context.beginPath();
        for (const [i, e] of landscape.entries()) context.lineTo(x(i, wide), y(e));
        context.stroke();
        context.restore();
        context.fillStyle = ink;
        const heat = `β = ${Number(beta.toPrecision(2))}`;
        context.textAlign = "center";
        const title = row ? heat : `${heat}, with tempering ■ and alone ●`;
        context.fillText(title, wide / 2, row * ROW + 18);
        const above = (place) => y(Math.min(landscape[place], top)) - 8;
        if (row === 0) disc(context, x(lone, wide), above(lone), orange, true);
        disc(context, x(places[row], wide), above(places[row]), row ? "#fff" : blue, false);
        if (traded.includes(row)) {
          context.fillStyle = blue;
          context.textAlign = "right";
          context.fillText("⇅", wide - 2, (row + 1) * ROW + 8);
        }
      });
    },
  });
  const histogram = (title, counts, who, color) =>
    frame.canvas({
      label: () => `${title}: ${summary(counts(), who)}`,
      height: 150,
      draw: (context, wide, tall) => {
        const visits = counts();
        const highest = 1.6 * Math.max(...target);
        const y = (p) => tall - 20 - Math.min(p / highest, 1) * (tall - 62);
        context.fillStyle = color;
        const bar = Math.max(1, (wide - 16) / count - 0.5);
        visits.forEach((n, i) => {
          if (n)
            context.fillRect(x(i, wide) - bar / 2, y(n / steps), bar, tall - 20 - y(n / steps));
        });
        context.strokeStyle = ink;
        context.lineWidth = 1.8;
        context.beginPath();
        for (const [i, p] of target.entries()) context.lineTo(x(i, wide), y(p));
        context.stroke();
        context.fillStyle = ink;
        context.fillText(title, 2, 14);
        context.fillText(summary(visits, who), 2, 32);
        context.textAlign = "left";
        context.fillText(low, 4, tall - 4);
        context.textAlign = "right";
        context.fillText(high, wide - 4, tall - 4);
        context.textAlign = "center";
        context.fillText(name, wide / 2, tall - 4);
        context.textAlign = "left";
      },
    });
  const summary = (counts, who) =>
    `${crossings[who]} crossings, ${Math.round(100 * totalVariation(counts, target))}% misplaced`;
  restart();
  const pictures = [
    landscapes,
    histogram(`● alone, at β = ${Number(betas[0].toPrecision(2))}`, () => alone, 0, orange),
    histogram("■ with tempering, at the same β", () => tempered, 1, blue),
  ];
  const status = frame.element("p", { class: "quiet" });
  const draw = () => {
    status.textContent = `${steps} steps. Bars: where the walker was; line: where it belongs.`;
    for (const picture of pictures) picture.redraw();
  };
  frame.add(
    frame.side(landscapes, frame.element("div", {}, pictures[1], pictures[2])),
    frame.clock({ advance, draw, perSecond: () => pace }),
    frame.row(
      frame.range({
        label: "Steps a second",
        min: 1,
        max: 10,
        step: 1,
        value: Math.round(Math.log2(pace)) + 1,
        text: (value) => String(2 ** (value - 1)),
        change: (value) => (pace = 2 ** (value - 1)),
      }),
      frame.range({
        label: "Depth of the valleys",
        min: 0.25,
        max: 2,
        step: 0.25,
        value: 1,
        text: (value) => `× ${value}`,
        change: (value) => {
          depth = value;
          restart();
          draw();
        },
      }),
      frame.button("Start again", () => {
        restart();
        draw();
      }),
    ),
    status,
  );
  draw();
}
