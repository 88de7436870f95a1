// A digit drawn by the reader, with what each stage of a convolutional network makes of it.

const sum = (values) => values.reduce((total, value) => total + value, 0);

// The maps of a convolutional stage: cross-correlation with a border of zeros that keeps the size,
// the largest of each 2 x 2 pixels, times scale plus shift for each map, ReLU.
// input: maps one after another, each row by row, with shape [maps, height, width].
export function stage(input, [maps, height, width], { kernel, scale, shift }) {
  const [count, , size] = kernel.shape;
  const border = size >> 1;
  const [wide, tall] = [width + 2 * border, height + 2 * border];
  const padded = new Float64Array(maps * tall * wide);
  for (let m = 0; m < maps; m++) {
    for (let r = 0; r < height; r++) {
      const from = (m * height + r) * width;
      padded.set(input.subarray(from, from + width), (m * tall + r + border) * wide + border);
    }
  }
  const [rows, columns] = [height >> 1, width >> 1];
  const output = new Float64Array(count * rows * columns);
  const sums = new Float64Array(height * width);
  for (let o = 0; o < count; o++) {
    sums.fill(0);
    for (let k = 0; k < maps * size * size; k++) {
      const weight = kernel[o * maps * size * size + k];
      const [m, down, right] = [
        Math.floor(k / (size * size)),
        Math.floor(k / size) % size,
        k % size,
      ];
      for (let r = 0; r < height; r++) {
        const from = (m * tall + r + down) * wide + right;
        const to = r * width;
        for (let c = 0; c < width; c++) sums[to + c] += weight * padded[from + c];
      }
    }
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const at = 2 * (r * width + c);
        const most = Math.max(sums[at], sums[at + 1], sums[at + width], sums[at + width + 1]);
        output[(o * rows + r) * columns + c] = Math.max(scale[o] * most + shift[o], 0);
      }
    }
  }
  return { values: output, shape: [count, rows, columns] };
}

// What the network makes of a picture: the maps of each stage, and the probability of each class.
export function read(image, shape, { stages, linear: { weight, bias } }) {
  const maps = [];
  let before = { values: Float64Array.from(image), shape: [1, ...shape] };
  for (const one of stages) {
    before = stage(before.values, before.shape, one);
    maps.push(before);
  }
  const { values } = before;
  const logits = Float64Array.from(bias, (start, label) => {
    let total = start;
    values.forEach((value, i) => {
      total += value * weight[label * values.length + i];
    });
    return total;
  });
  const highest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - highest));
  const total = sum(weights);
  return { maps, probabilities: weights.map((one) => one / total) };
}

// A picture of strokes, each a list of points [row, column]: full ink within the pen's radius of
// their lines, and half a pixel further none. Pixel (r, c) has its centre at the point (r, c).
export function inked(strokes, [height, width], radius) {
  const image = new Float64Array(height * width);
  for (const points of strokes) {
    points.forEach(([row, column], i) => {
      const [r0, c0] = points[Math.max(i - 1, 0)];
      const [down, right] = [row - r0, column - c0];
      const length = down * down + right * right;
      for (let p = 0; p < image.length; p++) {
        const [y, x] = [Math.floor(p / width) - r0, (p % width) - c0];
        const share = length ? Math.min(Math.max((y * down + x * right) / length, 0), 1) : 0;
        const away = Math.hypot(y - share * down, x - share * right);
        image[p] = Math.max(image[p], Math.min(Math.max(radius + 0.5 - away, 0), 1));
      }
    });
  }
  return image;
}

// Row and column of a picture's centre of mass.
export function centreOfMass(image, width) {
  const total = sum(image);
  const mean = (place) => sum(image.map((ink, i) => ink * place(i))) / total;
  return [mean((i) => Math.floor(i / width)), mean((i) => i % width)];
}

const PEN = 1.2;

// What was drawn, made like MNIST: the longer side of the ink 20 of 28 pixels, the centre of mass
// at the middle. side: of the pad that the strokes are on. A dot is not blown up to a digit.
export function likeMnist(strokes, side, [height, width]) {
  const points = strokes.flat();
  const ends = [0, 1].map((axis) => {
    const places = points.map((point) => point[axis]);
    return [Math.min(...places), Math.max(...places)];
  });
  const extent = Math.max(...ends.map(([low, high]) => high - low), 0.15 * side);
  const factor = ((20 / 28) * height - 2 * PEN) / extent;
  const middle = [height / 2, width / 2];
  let fitted = strokes.map((stroke) =>
    stroke.map((point) =>
      point.map(
        (place, axis) => factor * (place - (ends[axis][0] + ends[axis][1]) / 2) + middle[axis],
      ),
    ),
  );
  for (let pass = 0; pass < 2; pass++) {
    const mass = centreOfMass(inked(fitted, [height, width], PEN), width);
    fitted = fitted.map((stroke) =>
      stroke.map((point) => point.map((place, axis) => place + middle[axis] - mass[axis])),
    );
  }
  return inked(fitted, [height, width], PEN);
}

// A picture moved by whole pixels; what comes in from outside is paper.
export function shifted(image, [height, width], down, right) {
  return image.map((_, i) => {
    const [r, c] = [Math.floor(i / width) - down, (i % width) - right];
    return r >= 0 && r < height && c >= 0 && c < width ? image[r * width + c] : 0;
  });
}

const STYLE = `
  .look { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.8em 1.2em;
    align-items: start; max-width: 38em; }
  .look figure { margin: 0; }
  .look figcaption { margin: 0 0 0.2em; }
  canvas.seen { max-width: 22em; }
  .maps { margin-top: 0.8em; }
`;
const channels = (color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
const percent = (share) => `${Math.round(100 * share)}%`;
const MOVES = { Left: [0, -1], Up: [-1, 0], Down: [1, 0], Right: [0, 1] };

export function create(frame, { images, shape, targets, network, chosen }) {
  const { ink, colors } = frame.look;
  const [height, width] = shape;
  const size = height * width;
  const samples = targets.map((_, i) =>
    Float64Array.from(images.subarray(i * size, (i + 1) * size), (code) => code / 255),
  );
  let [at, strokes, offset] = [chosen, [], [0, 0]];
  let [picture, found] = [null, null];
  const compute = () => {
    const blank = new Float64Array(size);
    const drawn = strokes.length ? likeMnist(strokes, 1, shape) : blank;
    picture = shifted(at === null ? drawn : samples[at], shape, ...offset);
    found = read(picture, shape, network);
  };
  compute();
  const empty = () => at === null && !strokes.length;
  const best = () => found.probabilities.indexOf(Math.max(...found.probabilities));
  const moved = () => {
    const [down, right] = offset;
    const parts = [
      [down, "down", "up"],
      [right, "right", "left"],
    ].filter(([amount]) => amount);
    const words = parts.map(([n, plus, minus]) => `${Math.abs(n)} ${n > 0 ? plus : minus}`);
    return words.length ? `, shifted ${words.join(" and ")}` : "";
  };
  const what = () => (at === null ? "your digit" : `a ${targets[at]} of MNIST`) + moved();
  const said = () => {
    if (empty()) return "Nothing is drawn yet.";
    const answer = best();
    const right = at === null ? "" : answer === targets[at] ? ", right" : ", wrong";
    const chance = percent(found.probabilities[answer]);
    return `You see ${what()}. The network reads ${answer} (${chance}${right}).`;
  };

  // a picture of values from 0 to 1, pixel by pixel, in one colour on white; grey below 0
  const paper = frame.element("canvas");
  const paint = (context, values, [rows, columns], box, color) => {
    [paper.width, paper.height] = [columns, rows];
    const small = paper.getContext("2d");
    const dots = small.createImageData(columns, rows);
    const pen = channels(color);
    values.forEach((value, i) => {
      for (let k = 0; k < 3; k++) {
        dots.data[4 * i + k] = value < 0 ? 222 : 255 + value * (pen[k] - 255);
      }
      dots.data[4 * i + 3] = 255;
    });
    small.putImageData(dots, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(paper, ...box);
  };
  const edge = (context, wide, tall) => {
    context.strokeStyle = "#767469";
    context.lineWidth = 1;
    context.strokeRect(0.5, 0.5, wide - 1, tall - 1);
  };

  const pad = frame.canvas({
    class: "drawn",
    role: "application",
    tabindex: 0,
    "aria-roledescription": "drawing",
    label: "Paper to draw a digit on, by mouse or finger. Arrow keys shift what the network sees.",
    height: (wide) => wide,
    draw: (context, wide) => {
      context.fillStyle = "#fff";
      context.fillRect(0, 0, wide, wide);
      context.strokeStyle = ink;
      context.lineWidth = wide / 11;
      context.lineCap = context.lineJoin = "round";
      for (const points of strokes) {
        context.beginPath();
        points.forEach(([row, column], i) => {
          // a line to where it starts makes a dot
          if (!i) context.moveTo(column * wide, row * wide);
          context.lineTo(column * wide, row * wide);
        });
        context.stroke();
      }
      if (!strokes.length) {
        context.fillStyle = "#5b5952";
        context.textAlign = "center";
        context.fillText("draw here", wide / 2, wide / 2);
        context.textAlign = "left";
      }
      edge(context, wide, wide);
    },
  });
  const seen = frame.canvas({
    class: "seen",
    label: () => `What the network sees: ${empty() ? "nothing" : what()}.`,
    height: (wide) => (wide * height) / width,
    draw: (context, wide, tall) => {
      paint(context, picture, shape, [0, 0, wide, tall], ink);
      edge(context, wide, tall);
    },
  });

  const line = 22;
  const classes = found.probabilities.length;
  const bars = frame.canvas({
    label: () => `Probabilities of the ${classes} classes. ${said()}`,
    height: () => 4 + line * classes,
    draw: (context, wide) => {
      const [left, right] = [18, wide - 42];
      found.probabilities.forEach((chance, label) => {
        const top = 4 + line * label;
        const length = empty() ? 0 : chance * (right - left);
        context.fillStyle = colors[label === best() ? 0 : 2];
        context.fillRect(left, top, length, line - 6);
        context.fillStyle = ink;
        context.fillText(label, 4, top + 13);
        if (!empty() && label === best())
          context.fillText(percent(chance), left + length + 5, top + 13);
      });
    },
  });
  // two rows of maps for each stage, with a grey line between them; full colour is the largest
  const grid = ({ values, shape: [count, rows, columns] }) => {
    const across = Math.ceil(count / 2);
    const [tall, wide] = [2 * (rows + 1) - 1, across * (columns + 1) - 1];
    const most = Math.max(...values, 1e-9);
    const tiles = new Float64Array(tall * wide).fill(-1);
    values.forEach((value, i) => {
      const [m, r, c] = [
        Math.floor(i / (rows * columns)),
        Math.floor(i / columns) % rows,
        i % columns,
      ];
      const row = (m < across ? 0 : rows + 1) + r;
      tiles[row * wide + (m % across) * (columns + 1) + c] = empty() ? 0 : value / most;
    });
    return [tiles, [tall, wide]];
  };
  const title = 20;
  const heights = (wide) =>
    found.maps.map((one) => {
      const [tall, across] = grid(one)[1];
      return (tall * wide) / across;
    });
  const maps = frame.canvas({
    class: "maps",
    label: () => {
      const sizes = found.maps.map(({ shape: [n, r, c] }) => `${n} maps of ${r} by ${c} pixels`);
      return `What the stages give out for ${empty() ? "nothing" : what()}: ${sizes.join(", ")}.`;
    },
    height: (wide) => sum(heights(wide)) + (title + 8) * found.maps.length,
    draw: (context, wide) => {
      let top = 0;
      found.maps.forEach((one, i) => {
        const [tiles, dots] = grid(one);
        const [count, rows, columns] = one.shape;
        context.fillStyle = ink;
        context.fillText(`Stage ${i + 1}: ${count} maps of ${rows} × ${columns}`, 0, top + 14);
        const tall = (dots[0] * wide) / dots[1];
        paint(context, tiles, dots, [0, top + title, wide, tall], colors[0]);
        top += title + tall + 8;
      });
    },
  });

  const status = frame.status(said());
  const refresh = () => {
    compute();
    status.textContent = said();
    for (const canvas of [pad, seen, bars, maps]) canvas.redraw();
  };
  const place = (event) => {
    const box = pad.getBoundingClientRect();
    const within = (share) => Math.min(Math.max(share, 0), 1);
    return [
      within((event.clientY - box.top) / box.height),
      within((event.clientX - box.left) / box.width),
    ];
  };
  const choices = frame.choice({
    label: "Or choose a digit",
    options: targets.map((target, value) => ({ value, text: String(target) })),
    value: chosen,
    change: (value) => {
      [at, strokes, offset] = [value, [], [0, 0]];
      refresh();
    },
  });
  const unchoose = () => {
    for (const input of choices.querySelectorAll("input")) input.checked = false;
  };
  let drawing = false;
  const listen = (type, action) => pad.addEventListener(type, frame.careful(action));
  listen("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    drawing = true;
    if (at !== null) unchoose();
    [at, offset] = [null, [0, 0]];
    strokes.push([place(event)]);
    refresh();
  });
  listen("pointermove", (event) => {
    if (!drawing) return;
    const stroke = strokes[strokes.length - 1];
    const [row, column] = place(event);
    const [r, c] = stroke[stroke.length - 1];
    // a point for every hundredth of the side is enough
    if (Math.hypot(row - r, column - c) < 0.01) return;
    stroke.push([row, column]);
    refresh();
  });
  for (const end of ["pointerup", "pointercancel"]) listen(end, () => (drawing = false));
  const move = ([down, right]) => {
    const kept = (amount, side) => Math.min(Math.max(amount, -side / 2), side / 2);
    offset = [kept(offset[0] + down, height), kept(offset[1] + right, width)];
    refresh();
  };
  listen("keydown", (event) => {
    const step = MOVES[event.key.replace("Arrow", "")];
    if (!event.key.startsWith("Arrow") || !step) return;
    event.preventDefault();
    move(step);
  });
  const captioned = (text, canvas) =>
    frame.element("figure", {}, frame.element("figcaption", {}, text), canvas);
  frame.shadow.append(frame.element("style", {}, STYLE));
  frame.add(
    frame.element(
      "div",
      { class: "look" },
      captioned("Your digit", pad),
      captioned("The network sees", seen),
    ),
    frame.row(
      frame.button("Clear", () => {
        unchoose();
        [at, strokes, offset] = [null, [], [0, 0]];
        refresh();
      }),
      choices,
    ),
    frame.row(
      "Shift",
      ...Object.entries(MOVES).map(([name, step]) => frame.button(name, () => move(step))),
    ),
    status,
    bars,
    maps,
  );
}
