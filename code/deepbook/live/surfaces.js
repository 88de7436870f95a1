// Functions of two numbers with their gradients: the landscapes of deepbook.optimization, and a
// surface through values on a grid.

// Each gives [value, slope in x, slope in y] at (x, y).
export const FORMULAS = {
  ravine: (x, y) => [(x * x + 100 * y * y) / 2, x, 100 * y],
  rosenbrock: (x, y) => {
    const off = y - x * x;
    return [(1 - x) ** 2 + 100 * off * off, -2 * (1 - x) - 400 * x * off, 200 * off];
  },
  beale: (x, y) => {
    const parts = [1.5, 2.25, 2.625].map((c, i) => c - x + x * y ** (i + 1));
    const slope = (of) => parts.reduce((sum, part, i) => sum + 2 * part * of(i + 1), 0);
    return [
      parts.reduce((sum, part) => sum + part * part, 0),
      slope((n) => y ** n - 1),
      slope((n) => n * x * y ** (n - 1)),
    ];
  },
  himmelblau: (x, y) => {
    const [a, b] = [x * x + y - 11, x + y * y - 7];
    return [a * a + b * b, 4 * x * a + 2 * b, 2 * a + 4 * y * b];
  },
  saddle: (x, y) => [(x * x - y * y) / 2 + y ** 4 / 4, x, y ** 3 - y],
  cliff: (x, y) => {
    const s = Math.min(Math.max((x - 1) / 0.1, 0), 1);
    const wall = 4 * s ** 3 * (10 - 15 * s + 6 * s * s);
    const steep = (4 * 30 * s * s * (1 - s) ** 2) / 0.1;
    return [0.05 * (x * x + y * y) + wall, 0.1 * x + steep, 0.1 * y];
  },
  plateau: (x, y) => {
    const hole = Math.exp(-(x * x + y * y) / 2);
    return [1 - hole, x * hole, y * hole];
  },
};

// Weights of four neighbours in a row at t from 0 to 1 between the middle two, and their slopes
// in t: the cubic through the middle two whose slopes there are the central differences of the
// four (Catmull and Rom 1974).
const cubic = (t) => [
  [
    (-t + 2 * t ** 2 - t ** 3) / 2,
    (2 - 5 * t ** 2 + 3 * t ** 3) / 2,
    (t + 4 * t ** 2 - 3 * t ** 3) / 2,
    (-(t ** 2) + t ** 3) / 2,
  ],
  [
    (-1 + 4 * t - 3 * t ** 2) / 2,
    (-10 * t + 9 * t ** 2) / 2,
    (1 + 8 * t - 9 * t ** 2) / 2,
    (-2 * t + 3 * t ** 2) / 2,
  ],
];

// A smooth surface through values (rows of y, columns of x) on an even grid over the domain.
export function throughGrid(values, [[left, right], [low, high]]) {
  const [rows, columns] = values.shape;
  const place = (position, count) => {
    const at = Math.min(Math.max(Math.floor(position), 0), count - 2);
    return [at, ...cubic(position - at)];
  };
  const value = (row, column) => {
    const within = (at, count) => Math.min(Math.max(at, 0), count - 1);
    return values[within(row, rows) * columns + within(column, columns)];
  };
  return (x, y) => {
    const [across, up] = [(columns - 1) / (right - left), (rows - 1) / (high - low)];
    const [column, byX, slopesX] = place((x - left) * across, columns);
    const [row, byY, slopesY] = place((y - low) * up, rows);
    const sum = (weightsY, weightsX) => {
      let total = 0;
      for (let r = 0; r < 4; r++) {
        for (let c = 0; c < 4; c++) {
          total += weightsY[r] * weightsX[c] * value(row + r - 1, column + c - 1);
        }
      }
      return total;
    };
    return [sum(byY, byX), sum(byY, slopesX) * across, sum(slopesY, byX) * up];
  };
}
