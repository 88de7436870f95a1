// A digit turned, slanted, resized and shifted by the reader, and what two networks read.

const radians = (degrees) => (degrees * Math.PI) / 180;

// Where the new picture's pixel at (row, column) comes from (deepbook's affine_warp): the turn
// undone, then the slant, then the size. move is { turn, slant, size, down, right }, the first two
// in degrees, the last two in pixels.
export function source({ turn, slant, size, down, right }, [middle, centre], row, column) {
  const [cos, sin, lean] = [Math.cos(radians(turn)), Math.sin(radians(turn)), radians(slant)];
  const [u, v] = [row - middle - down, column - centre - right];
  const [r, c] = [cos * u + sin * v, cos * v - sin * u];
  return [middle + r / size, centre + (c + Math.tan(lean) * r) / size];
}

// The value of a picture between its pixels, on a straight line along rows and then between rows;
// 0 outside. image: row by row.
export function bilinear(image, [height, width], row, column) {
  const ink = (r, c) => (r >= 0 && r < height && c >= 0 && c < width ? image[r * width + c] : 0);
  const [r, c] = [Math.floor(row), Math.floor(column)];
  const [a, b] = [row - r, column - c];
  const above = (1 - b) * ink(r, c) + b * ink(r, c + 1);
  const below = (1 - b) * ink(r + 1, c) + b * ink(r + 1, c + 1);
  return (1 - a) * above + a * below;
}

// The moved picture.
export function warp(image, shape, move, centre) {
  const width = shape[1];
  return Float64Array.from({ length: image.length }, (_, i) =>
    bilinear(image, shape, ...source(move, centre, Math.floor(i / width), i % width)),
  );
}

// The class probabilities of a network: layers of { weight (inputs, outputs), bias }, ReLU between
// them, softmax behind the last.
export function probabilities(layers, image) {
  let values = image;
  layers.forEach(({ weight, bias }, layer) => {
    const sums = Float64Array.from(bias);
    values.forEach((value, i) => {
      if (value === 0) return; // most of a picture is paper
      for (let j = 0; j < sums.length; j++) sums[j] += value * weight[i * sums.length + j];
    });
    values = layer < layers.length - 1 ? sums.map((sum) => Math.max(sum, 0)) : sums;
  });
  const highest = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - highest));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
}

const REST = { turn: 0, slant: 0, size: 1, down: 0, right: 0 };
const signed = (unit) => (value) =>
  `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value)}${unit}`;
const SLIDERS = [
  { name: "turn", label: "Turn", min: -90, max: 90, step: 1, text: signed("°") },
  { name: "slant", label: "Slant", min: -45, max: 45, step: 1, text: signed("°") },
  { name: "size", label: "Size", min: 0.5, max: 1.6, step: 0.05, text: (x) => `× ${x.toFixed(2)}` },
  { name: "right", label: "Shift right", min: -8, max: 8, step: 0.5, text: signed("") },
  { name: "down", label: "Shift down", min: -8, max: 8, step: 0.5, text: signed("") },
];
// the bars stay beside the digit, so that both can be seen while a slider below is moved
const STYLE = `
  .look { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1.2em;
    align-items: start; max-width: 38em; }
  canvas.moved { max-width: 16em; }
`;
const percent = (share) => `${Math.round(100 * share)}%`;

export function create(frame, { images, shape, targets, networks, centre, chosen }) {
  const [ink, [blue, orange]] = [frame.look.ink, frame.look.colors];
  const pixels = shape[0] * shape[1];
  const pictures = targets.map((_, i) =>
    Float64Array.from(images.subarray(i * pixels, (i + 1) * pixels), (code) => code / 255),
  );
  const move = { ...REST };
  let at = chosen;
  let picture, answers;
  const compute = () => {
    picture = warp(pictures[at], shape, move, centre);
    answers = networks.map(({ layers }) => probabilities(layers, picture));
  };
  compute();
  const best = (chances) => chances.indexOf(Math.max(...chances));
  const said = () =>
    networks
      .map(({ name }, i) => {
        const answer = best(answers[i]);
        const right = answer === targets[at] ? "right" : "wrong";
        return `The network ${name} reads ${answer} (${percent(answers[i][answer])}, ${right}).`;
      })
      .join(" ");

  const paper = frame.element("canvas", { width: shape[1], height: shape[0] });
  const digit = frame.canvas({
    class: "moved",
    label: () => {
      const amounts = SLIDERS.map(({ name, label, text }) => `${label} ${text(move[name])}`);
      return `A ${targets[at]}, moved: ${amounts.join(", ")}.`;
    },
    height: (width) => (width * shape[0]) / shape[1],
    draw: (context, width, tall) => {
      const small = paper.getContext("2d");
      const dots = small.createImageData(shape[1], shape[0]);
      picture.forEach((value, i) => {
        dots.data[4 * i + 3] = Math.round(255 * value);
      });
      small.putImageData(dots, 0, 0);
      context.fillStyle = "#fff";
      context.fillRect(0, 0, width, tall);
      context.imageSmoothingEnabled = false;
      context.drawImage(paper, 0, 0, width, tall);
      context.strokeStyle = "#767469";
      context.lineWidth = 1;
      context.strokeRect(0.5, 0.5, width - 1, tall - 1);
    },
  });

  // two bars a class: the first network's striped, the second one's full
  const stripes = (context) => {
    const tile = frame.element("canvas", { width: 6, height: 6 });
    const brush = tile.getContext("2d");
    brush.strokeStyle = orange;
    brush.lineWidth = 2;
    brush.beginPath();
    for (const shift of [-6, 0, 6]) {
      brush.moveTo(shift - 1, 7);
      brush.lineTo(shift + 7, -1);
    }
    brush.stroke();
    return context.createPattern(tile, "repeat");
  };
  const line = 24;
  const bars = frame.canvas({
    label: () => `Probabilities of the ten classes, by both networks. ${said()}`,
    height: 44 + line * answers[0].length,
    draw: (context, width) => {
      const [left, right, font] = [18, width - 38, context.font];
      const small = font.replace("13px", "11px");
      const fills = [stripes(context), blue];
      const bar = (i, x, y, wide) => {
        context.fillStyle = fills[i];
        context.fillRect(x, y, wide, 10);
        context.strokeStyle = [orange, blue][i];
        context.lineWidth = 1;
        context.strokeRect(x + 0.5, y + 0.5, Math.max(wide - 1, 0), 9);
      };
      context.textAlign = "left";
      networks.forEach(({ name }, i) => {
        bar(i, 4, 3 + 18 * i, 16);
        context.fillStyle = ink;
        context.fillText(name, 26, 13 + 18 * i);
      });
      answers[0].forEach((_, label) => {
        const top = 44 + line * label;
        context.fillStyle = ink;
        context.font = label === targets[at] ? `bold ${font}` : font;
        context.fillText(label, 4, top + 15);
        context.font = small;
        answers.forEach((chances, i) => {
          const wide = chances[label] * (right - left);
          bar(i, left, top + 11 * i, wide);
          context.fillStyle = ink;
          if (label === best(chances)) {
            context.fillText(percent(chances[label]), left + wide + 5, top + 9 + 11 * i);
          }
        });
      });
      context.font = font;
    },
  });

  const status = frame.status(said());
  const refresh = () => {
    compute();
    status.textContent = said();
    digit.redraw();
    bars.redraw();
  };
  const sliders = SLIDERS.map(({ name, ...slider }) =>
    frame.range({
      ...slider,
      value: move[name],
      change: (value) => {
        move[name] = value;
        refresh();
      },
    }),
  );
  frame.shadow.append(frame.element("style", {}, STYLE));
  frame.add(
    frame.choice({
      label: "Digit",
      options: targets.map((target, value) => ({ value, text: String(target) })),
      value: at,
      change: (value) => {
        at = value;
        refresh();
      },
    }),
    frame.element("div", { class: "look" }, digit, bars),
    frame.row(...sliders),
    frame.row(
      frame.button("As it was written", () => {
        sliders.forEach((slider, i) => {
          const input = slider.querySelector("input");
          input.value = REST[SLIDERS[i].name];
          input.dispatchEvent(new Event("input"));
        });
      }),
    ),
    status,
  );
}
