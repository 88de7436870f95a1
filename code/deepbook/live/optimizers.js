// The first-order optimizers as torch.optim has them, for points in the plane.

const each =
  (...lists) =>
  (action) =>
    lists[0].map((_, i) => action(...lists.map((l) => l[i])));

// Each makes a function of (gradient, learning rate) that gives the next move.
export const OPTIMIZERS = {
  descent: () => (gradient, rate) => gradient.map((g) => -rate * g),
  momentum: () => {
    let velocity = [0, 0];
    return (gradient, rate) => {
      velocity = each(velocity, gradient)((v, g) => 0.9 * v + g);
      return velocity.map((v) => -rate * v);
    };
  },
  nesterov: () => {
    let velocity = [0, 0];
    return (gradient, rate) => {
      velocity = each(velocity, gradient)((v, g) => 0.9 * v + g);
      return each(velocity, gradient)((v, g) => -rate * (g + 0.9 * v));
    };
  },
  adagrad: () => {
    let squares = [0, 0];
    return (gradient, rate) => {
      squares = each(squares, gradient)((r, g) => r + g * g);
      return each(squares, gradient)((r, g) => (-rate * g) / (Math.sqrt(r) + 1e-10));
    };
  },
  rmsprop: () => {
    let squares = [0, 0];
    return (gradient, rate) => {
      squares = each(squares, gradient)((r, g) => 0.99 * r + 0.01 * g * g);
      return each(squares, gradient)((r, g) => (-rate * g) / (Math.sqrt(r) + 1e-8));
    };
  },
  adam: () => {
    let [mean, squares, steps] = [[0, 0], [0, 0], 0];
    return (gradient, rate) => {
      steps++;
      mean = each(mean, gradient)((s, g) => 0.9 * s + 0.1 * g);
      squares = each(squares, gradient)((r, g) => 0.999 * r + 0.001 * g * g);
      const [first, second] = [1 - 0.9 ** steps, 1 - 0.999 ** steps];
      return each(mean, squares)((s, r) => (-rate * s) / first / (Math.sqrt(r / second) + 1e-8));
    };
  },
};

// One ball: where it is, where it was, and how high. It stops where the map or the numbers end.
export function ball(name, surface, start, domain) {
  const move = OPTIMIZERS[name]();
  const one = { name, trail: [start], heights: [surface(...start)[0]], gone: false };
  one.step = (rate) => {
    if (one.gone) return;
    const [x, y] = one.trail.at(-1);
    const [dx, dy] = move(surface(x, y).slice(1), rate);
    const next = [x + dx, y + dy];
    const inside = next.every((v, i) => v >= domain[i][0] && v <= domain[i][1]);
    if (!inside) {
      one.gone = true;
      return;
    }
    one.trail.push(next);
    one.heights.push(surface(...next)[0]);
  };
  return one;
}
