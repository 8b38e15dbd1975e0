/**
 * The trainer of examples/up.yaml: fits a plane through noisy points, y = 2 a − b + 0.5, by gradient descent. A node's
 * seed determines its points. A liar sends −100 times its update.
 */

const truth = [2, -1, 0.5];

/** A seeded generator, uniform over [−1, 1). */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function makePoints(seed, count) {
  const next = random(seed);
  return Array.from({ length: count }, () => {
    const x = [next(), next(), 1];
    return { x, y: dot(truth, x) + 0.1 * next() };
  });
}

const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

export function createTrainer({ seed, lies = false }) {
  let points;
  return {
    train({ model, config }) {
      points ??= makePoints(seed, config.examples);
      const factor = (lies ? 100 : -1) * config.rate;
      const update = new Float32Array(model.values.length);
      let loss = 0;
      for (const { x, y } of points) {
        const error = dot(model.values, x) - y;
        loss += error ** 2 / points.length;
        x.forEach((value, k) => (update[k] += (factor * error * value) / points.length));
      }
      return { update, numExamples: points.length, metrics: { loss } };
    },
  };
}
