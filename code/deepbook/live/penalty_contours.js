// Where a penalty on two weights moves the minimum of a quadratic loss.

// Minimum of (w - best)' H (w - best) / 2 + l1 (|w1| + |w2|) + l2 (w1^2 + w2^2) / 2 for two weights,
// exactly: each weight is positive, negative or zero, and in each of the nine cases the minimum is
// that of a linear system; the lowest of these nine places is the answer.
export function minimum([[a, c], [, b]], best, l1, l2) {
  const pull = [a * best[0] + c * best[1], c * best[0] + b * best[1]];
  const cost = ([x, y]) => {
    const [u, v] = [x - best[0], y - best[1]];
    const loss = (a * u * u + 2 * c * u * v + b * v * v) / 2;
    return loss + l1 * (Math.abs(x) + Math.abs(y)) + (l2 * (x * x + y * y)) / 2;
  };
  const found = [[0, 0]];
  for (const s of [-1, 1]) {
    found.push([(pull[0] - s * l1) / (a + l2), 0], [0, (pull[1] - s * l1) / (b + l2)]);
    for (const t of [-1, 1]) {
      const [p, q] = [pull[0] - s * l1, pull[1] - t * l1];
      const determinant = (a + l2) * (b + l2) - c * c;
      found.push([((b + l2) * p - c * q) / determinant, ((a + l2) * q - c * p) / determinant]);
    }
  }
  return found.reduce((lowest, one) => (cost(one) < cost(lowest) ? one : lowest));
}

// The two strengths at a slider's t from 0 to 1. L1 ends where both weights are zero; L2 leaves the
// share 1 - t where the curvature is 1.
export function strengths(kind, t, hessian, best) {
  const largest = Math.max(...hessian.map((row) => Math.abs(row[0] * best[0] + row[1] * best[1])));
  const parts = { l1: [1, 0], both: [0.5, 0.5], l2: [0, 1] }[kind];
  return [parts[0] * t * largest, (parts[1] * t) / (1 - t)];
}

const LAST = 0.98;
const KINDS = [
  { value: "l1", text: "L1", hears: "L 1" },
  { value: "both", text: "both" },
  { value: "l2", text: "L2", hears: "L 2" },
];

export function create(frame, { best: start, correlation: given, names, strength, kind: first }) {
  const [ink, [blue, orange]] = [frame.look.ink, frame.look.colors];
  let [best, correlation, t, kind] = [Array.from(start), given, strength, first];
  const reach = 1.5 * Math.max(...best.map(Math.abs), 1e-9);
  const hessian = () => [
    [1, correlation],
    [correlation, 1],
  ];
  const solve = (at) => minimum(hessian(), best, ...strengths(kind, at, hessian(), best));
  const short = (value) => (Math.abs(value) < 1e-9 ? "0" : value.toFixed(1));

  const said = () => {
    const [l1, l2] = strengths(kind, t, hessian(), best);
    const at = solve(t);
    const zero = at.map((value, i) => (value === 0 ? names[i] : "")).filter(Boolean);
    const amounts = [
      kind !== "l2" && `${l1.toFixed(1)} for L1`,
      kind !== "l1" && `${l2.toFixed(2)} for L2`,
    ].filter(Boolean);
    const ends = zero.length ? ` Exactly zero: ${zero.join(" and ")}.` : "";
    return (
      `Without a penalty the minimum is at (${best.map(short).join(", ")}). ` +
      `With strength ${amounts.join(" and ")} it is at (${at.map(short).join(", ")}).${ends}`
    );
  };

  let scale = 1;
  const plane = frame.canvas({
    class: "drawn",
    role: "application",
    tabindex: 0,
    label: () =>
      `Plane of two weights, ${names[0]} across and ${names[1]} upwards. Drag the cross, ` +
      `or move it with the arrow keys: the minimum of the loss. ${said()}`,
    height: (width) => width,
    draw: (context, width) => {
      scale = width / (2 * reach);
      const x = (value) => (value + reach) * scale;
      const y = (value) => (reach - value) * scale;
      const at = solve(t);
      const line = (color, wide, dash = []) => {
        context.strokeStyle = color;
        context.lineWidth = wide;
        context.setLineDash(dash);
      };
      line("#767469", 1);
      context.beginPath();
      context.moveTo(x(-reach), y(0));
      context.lineTo(x(reach), y(0));
      context.moveTo(x(0), y(-reach));
      context.lineTo(x(0), y(reach));
      context.stroke();

      // contours of the loss: ellipses with axes along the diagonals, since both curvatures are 1
      const [u, v] = [at[0] - best[0], at[1] - best[1]];
      const here = Math.sqrt(Math.max(0, u * u + 2 * correlation * u * v + v * v));
      const levels = [0.2, 0.5, 0.9, 1.4].map((share) => share * reach);
      line(blue, 1);
      const ellipse = (radius) => {
        context.beginPath();
        const axes = [radius / Math.sqrt(1 + correlation), radius / Math.sqrt(1 - correlation)];
        context.ellipse(
          x(best[0]),
          y(best[1]),
          axes[0] * scale,
          axes[1] * scale,
          -Math.PI / 4,
          0,
          7,
        );
        context.stroke();
      };
      for (const level of levels) ellipse(level);
      line(blue, 2.5);
      if (here > 0) ellipse(here);

      // all weights that cost the same fine as the minimum
      const [l1, l2] = strengths(kind, t, hessian(), best);
      // without strength the shape is that of the smallest one
      const [one, two] = t > 0 ? [l1, l2] : [kind !== "l2" ? 1 : 0, kind !== "l1" ? 1 : 0];
      const sizes = ([p, q]) => [Math.abs(p) + Math.abs(q), p * p + q * q];
      const [absolute, squared] = sizes(at);
      const fine = one * absolute + (two * squared) / 2;
      line(orange, 2.5, [7, 4]);
      context.beginPath();
      for (let i = 0; i <= 360; i++) {
        const way = [Math.cos((i * Math.PI) / 180), Math.sin((i * Math.PI) / 180)];
        // along a ray the fine is linear r + two r^2 / 2: solve for r
        const linear = one * sizes(way)[0];
        const r = two ? (Math.sqrt(linear ** 2 + 2 * two * fine) - linear) / two : fine / linear;
        context.lineTo(x(r * way[0]), y(r * way[1]));
      }
      context.stroke();

      line(ink, 1.5, [2, 3]);
      context.beginPath();
      for (let i = 0; i <= 100; i++) {
        const [p, q] = solve((LAST * i) / 100);
        context.lineTo(x(p), y(q));
      }
      context.stroke();
      line(ink, 2.5);
      context.beginPath();
      const [px, py] = [x(best[0]), y(best[1])];
      context.moveTo(px - 7, py - 7);
      context.lineTo(px + 7, py + 7);
      context.moveTo(px - 7, py + 7);
      context.lineTo(px + 7, py - 7);
      context.stroke();
      context.fillStyle = ink;
      context.beginPath();
      context.arc(x(at[0]), y(at[1]), 6, 0, 7);
      context.fill();
      context.textAlign = "right";
      context.fillText(names[0], width - 6, y(0) + 17);
      context.textAlign = "left";
      context.fillText(names[1], x(0) + 6, 15);
    },
  });
  const status = frame.status(said());
  const refresh = () => {
    status.textContent = said();
    plane.redraw();
  };
  const put = (values) => {
    best = values.map((value) => Math.min(Math.max(value, -reach), reach));
    refresh();
  };

  let held = false;
  const listen = (type, action) => plane.addEventListener(type, frame.careful(action));
  const drag = (event) => {
    const box = plane.getBoundingClientRect();
    put([(event.clientX - box.left) / scale - reach, reach - (event.clientY - box.top) / scale]);
  };
  listen("pointerdown", (event) => {
    plane.setPointerCapture(event.pointerId);
    held = true;
    drag(event);
  });
  listen("pointermove", (event) => held && drag(event));
  for (const end of ["pointerup", "pointercancel"]) listen(end, () => (held = false));
  listen("keydown", (event) => {
    const moves = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    put(best.map((value, i) => value + (move[i] * reach) / 20));
  });

  const tilt = frame.range({
    label: "Correlation of the two inputs",
    min: -0.9,
    max: 0.9,
    step: 0.05,
    value: correlation,
    text: (value) => value.toFixed(2),
    change: (value) => {
      correlation = value;
      refresh();
    },
  });
  frame.add(
    frame.side(
      plane,
      frame.element(
        "div",
        {},
        frame.choice({
          label: "Penalty",
          options: KINDS,
          value: kind,
          change: (value) => {
            kind = value;
            refresh();
          },
        }),
        frame.range({
          label: "Strength",
          min: 0,
          max: LAST,
          step: LAST / 49,
          value: t,
          text: (value) => `${Math.round(100 * (value / LAST))} of 100`,
          change: (value) => {
            t = value;
            refresh();
          },
        }),
        tilt,
        frame.row(
          frame.button("As in the data", () => {
            const input = tilt.querySelector("input");
            input.value = given;
            input.dispatchEvent(new Event("input"));
            put(Array.from(start));
          }),
        ),
        frame.element(
          "p",
          { class: "quiet" },
          "Cross: minimum of the loss, with its contours (solid). Dot: minimum with the penalty; " +
            "dashed: all weights that are fined as much. Dotted: where the dot goes as the " +
            "strength rises.",
        ),
        status,
      ),
    ),
  );
}
