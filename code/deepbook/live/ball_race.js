// Optimizers race down a surface of the reader's choice, from where the reader puts them.

import { ball } from "./optimizers.js";
import { FORMULAS, throughGrid } from "./surfaces.js";

const LOOKS = {
  descent: { text: "descent", dash: [] },
  momentum: { text: "momentum", dash: [7, 3] },
  nesterov: { text: "Nesterov", dash: [2, 3] },
  adagrad: { text: "AdaGrad", dash: [9, 3, 2, 3] },
  rmsprop: { text: "RMSProp", dash: [4, 4] },
  adam: { text: "Adam", dash: [12, 4] },
};
const BANDS = 14;
const MOST = 2000;
const LEAST_RATE = -4.5;

// Learning rates as the sliders have them: to the nearest twentieth of a power of ten.
export const snapped = (rates) =>
  Object.fromEntries(
    Object.entries(rates).map(([name, rate]) => [
      name,
      10 ** (Math.round(20 * Math.log10(rate)) / 20),
    ]),
  );

// Heights at which the bands of the map end: so many that each band has as many places.
export function bandEnds(heights, bands) {
  const sorted = Float64Array.from(heights).sort();
  return Array.from(
    { length: bands - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / bands)],
  );
}

// A disc, square, triangle, diamond, cross or star around a place.
function mark(context, kind, x, y, size) {
  context.beginPath();
  if (kind === 0) context.arc(x, y, size, 0, 7);
  else if (kind === 1) context.rect(x - size, y - size, 2 * size, 2 * size);
  else {
    const corners = [0, 0, 3, 4, 12, 10][kind];
    for (let i = 0; i < corners; i++) {
      // every second corner of a cross and of a star lies nearer
      const far = kind === 5 && i % 2 ? 0.5 : kind === 4 && i % 3 === 1 ? 0.45 : 1;
      const angle = (2 * Math.PI * i) / corners - Math.PI / 2 - (kind === 4 ? Math.PI / 12 : 0);
      context.lineTo(
        x + 1.25 * size * far * Math.cos(angle),
        y + 1.25 * size * far * Math.sin(angle),
      );
    }
    context.closePath();
  }
  context.fill();
  context.stroke();
}

export function create(frame, { surfaces, running }) {
  const { ink, colors } = frame.look;
  const names = Object.keys(surfaces[0].rates);
  const palette = [...colors, "#4a6b00"];
  const color = (name) => palette[names.indexOf(name) % palette.length];
  const on = new Set(running);
  let [which, pace] = [0, 20];
  let surface, start, rates, domain, balls, steps, bands;
  const functions = surfaces.map((one) =>
    one.formula ? FORMULAS[one.formula] : throughGrid(one.values, one.domain),
  );

  const restart = () => {
    balls = names.map((name) => ball(name, surface, start, domain));
    steps = 0;
  };
  const paper = document.createElement("canvas");
  const paint = () => {
    [paper.width, paper.height] = [200, 200];
    const heights = new Float64Array(200 * 200);
    const [[left, right], [low, high]] = domain;
    for (let i = 0; i < heights.length; i++) {
      const [row, column] = [Math.floor(i / 200), i % 200];
      const x = left + ((right - left) * (column + 0.5)) / 200;
      heights[i] = surface(x, high - ((high - low) * (row + 0.5)) / 200)[0];
    }
    bands = bandEnds(heights, BANDS);
    const pixels = new ImageData(200, 200);
    for (let i = 0; i < heights.length; i++) {
      const band = bands.filter((end) => heights[i] > end).length;
      const light = 176 + Math.round((72 * band) / BANDS) - (band % 2 ? 0 : 7);
      pixels.data.set([light - 10, light - 2, light, 255], 4 * i);
    }
    paper.getContext("2d").putImageData(pixels, 0, 0);
  };
  const choose = (index) => {
    which = index;
    surface = functions[index];
    domain = surfaces[index].domain;
    start = [...surfaces[index].start];
    rates = snapped(surfaces[index].rates);
    paint();
    restart();
  };
  choose(0);

  const advance = () => {
    if (steps >= MOST) return;
    steps++;
    for (const one of balls) if (on.has(one.name)) one.step(rates[one.name]);
  };
  const figure = (value) => {
    if (Math.abs(value) < 1e-12) return "0";
    return Math.abs(value) < 1e-3 || Math.abs(value) >= 1e4
      ? value.toExponential(1)
      : String(Number(value.toPrecision(3)));
  };
  const racing = () => balls.filter((one) => on.has(one.name));
  const said = () => {
    const each = racing().map(({ name, heights, gone }) =>
      gone ? `${LOOKS[name].text} left the map` : `${LOOKS[name].text} ${figure(heights.at(-1))}`,
    );
    return each.length
      ? `After ${steps} steps from (${start.map(figure).join(", ")}): ${each.join(", ")}.`
      : "Nobody races: switch on an optimizer.";
  };

  let scale = [1, 1];
  const map = frame.canvas({
    class: "drawn",
    role: "application",
    tabindex: 0,
    label: () =>
      `Map of the surface, dark where it is low. Click to start from there, or move the start ` +
      `with the arrow keys. ${said()}`,
    height: (width) => width,
    draw: (context, width, tall) => {
      const [[left, right], [low, high]] = domain;
      scale = [width / (right - left), tall / (high - low)];
      const [x, y] = [(v) => (v - left) * scale[0], (v) => (high - v) * scale[1]];
      context.imageSmoothingEnabled = true;
      context.drawImage(paper, 0, 0, width, tall);
      for (const one of racing()) {
        context.strokeStyle = color(one.name);
        context.lineWidth = 2;
        context.setLineDash(LOOKS[one.name].dash);
        context.beginPath();
        for (const [a, b] of one.trail) context.lineTo(x(a), y(b));
        context.stroke();
      }
      context.setLineDash([]);
      context.strokeStyle = ink;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x(start[0]), y(start[1]), 8, 0, 7);
      context.stroke();
      context.lineWidth = 1.2;
      context.strokeStyle = "#fff";
      for (const one of racing()) {
        context.fillStyle = color(one.name);
        const [a, b] = one.trail.at(-1);
        mark(context, names.indexOf(one.name), x(a), y(b), 5.5);
      }
    },
  });
  const chart = frame.canvas({
    label: () => `Height of each ball over its steps, on a logarithmic scale. ${said()}`,
    height: 170,
    draw: (context, width, tall) => {
      const [edge, top, right, bottom] = [52, 8, width - 8, tall - 30];
      const lowest = surfaces[which].lowest;
      const above = (value) => Math.log10(Math.max(value - lowest, 1e-8));
      const most = Math.max(...racing().flatMap(({ heights }) => heights.map(above)), 0);
      const least = Math.min(...racing().flatMap(({ heights }) => heights.map(above)), most - 1);
      const x = (step) => edge + (step / Math.max(steps, 50)) * (right - edge);
      const y = (level) => bottom - ((level - least) / (most - least)) * (bottom - top);
      context.strokeStyle = ink;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(edge, top);
      context.lineTo(edge, bottom);
      context.lineTo(right, bottom);
      context.stroke();
      context.fillStyle = ink;
      context.textAlign = "right";
      context.fillText(figure(10 ** most), edge - 5, top + 10);
      context.fillText(figure(10 ** least), edge - 5, bottom);
      context.fillText(String(Math.max(steps, 50)), right, bottom + 16);
      context.textAlign = "center";
      context.fillText("steps", (edge + right) / 2, bottom + 16);
      for (const { name, heights } of racing()) {
        context.strokeStyle = color(name);
        context.lineWidth = 2;
        context.setLineDash(LOOKS[name].dash);
        context.beginPath();
        for (const [i, height] of heights.entries()) context.lineTo(x(i), y(above(height)));
        context.stroke();
        context.setLineDash([]);
        context.fillStyle = color(name);
        context.strokeStyle = "#fff";
        context.lineWidth = 1;
        const last = heights.length - 1;
        mark(context, names.indexOf(name), x(last), y(above(heights[last])), 4.5);
      }
    },
  });
  const status = frame.status();
  const draw = () => {
    map.redraw();
    chart.redraw();
  };
  const begin = () => {
    restart();
    status.textContent = said();
    draw();
  };

  // who races, and how fast: a switch with the ball's mark, and a slider
  const sliders = {};
  const row = (name) => {
    const badge = frame.canvas({
      label: "",
      "aria-hidden": "true",
      style: "width: 20px; flex: none",
      height: 20,
      draw: (context) => {
        context.fillStyle = color(name);
        context.strokeStyle = "#fff";
        mark(context, names.indexOf(name), 10, 10, 6);
      },
    });
    const button = frame.element(
      "button",
      {
        type: "button",
        class: "switch",
        "aria-pressed": String(on.has(name)),
        click: () => {
          if (on.has(name)) on.delete(name);
          else on.add(name);
          button.setAttribute("aria-pressed", String(on.has(name)));
          begin();
        },
      },
      badge,
      LOOKS[name].text,
    );
    sliders[name] = frame.range({
      label: `Rate of ${LOOKS[name].text}`,
      min: LEAST_RATE,
      max: 1,
      step: 0.05,
      value: Math.log10(rates[name]),
      text: (value) => figure(10 ** value),
      change: (value) => {
        rates[name] = 10 ** value;
        begin();
      },
    });
    return frame.element("div", { class: "row racer" }, button, sliders[name]);
  };
  const rows = names.map(row);
  const showRates = () => {
    const given = snapped(surfaces[which].rates);
    for (const [name, slider] of Object.entries(sliders)) {
      const input = slider.querySelector("input");
      input.value = Math.log10(given[name]);
      input.dispatchEvent(new Event("input"));
    }
    rates = given;
    begin();
  };

  const listen = (type, action) => map.addEventListener(type, frame.careful(action));
  const put = (place) => {
    start = place.map((v, i) => Math.min(Math.max(v, domain[i][0]), domain[i][1]));
    begin();
  };
  listen("pointerdown", (event) => {
    const box = map.getBoundingClientRect();
    put([
      domain[0][0] + (event.clientX - box.left) / scale[0],
      domain[1][1] - (event.clientY - box.top) / scale[1],
    ]);
  });
  listen("keydown", (event) => {
    const moves = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    put(start.map((v, i) => v + (move[i] * (domain[i][1] - domain[i][0])) / 40));
  });

  const clock = frame.clock({
    advance,
    draw: () => {
      draw();
      // a screen reader hears the result of single steps, and not every frame
      if (frame.card.dataset.running !== "true" || steps >= MOST) status.textContent = said();
    },
    perSecond: () => pace,
    starts: false,
  });
  clock.append(
    frame.button("Start again", begin),
    frame.button("100 steps", () => {
      for (let i = 0; i < 100; i++) advance();
      status.textContent = said();
      draw();
    }),
  );
  frame.add(
    frame.choice({
      label: "Surface",
      options: surfaces.map(({ name }, index) => ({ value: index, text: name })),
      value: 0,
      change: (index) => {
        choose(index);
        showRates();
      },
    }),
    frame.side(
      frame.element("div", {}, map, status),
      frame.element("div", {}, clock, chart, ...rows),
    ),
  );
  begin();
}
