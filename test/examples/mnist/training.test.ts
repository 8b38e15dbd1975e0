import { expect } from 'chai';
import { CLASSES, digitsOf, PIXELS } from '../../../examples/mnist/digits.js';
import { createNetwork } from '../../../examples/mnist/network.js';
import { createTrainer, flippedLabel } from '../../../examples/mnist/training.js';
import { expectClose } from '../../support/close.js';
import { random } from '../../support/random.js';

const draw = random(1);
const digits = digitsOf(
  Array.from({ length: 60 }, () =>
    Float64Array.from({ length: PIXELS }, () => (draw.uniform() < 0.1 ? draw.uniform() : 0)),
  ),
  Array.from({ length: 60 }, (_, i) => i % CLASSES),
);
const network = createNetwork(4);
const model = network.initialize(1);
const all = Uint32Array.from({ length: 60 }, (_, i) => i);
const options = { network, digits, held: all, batchSize: 5, momentum: 0, seed: 3, node: 2 };

function updates(given: Partial<typeof options>, rounds: number[]): Float32Array[] {
  const trainer = createTrainer({ ...options, ...given });
  return rounds.map((round) => {
    const into = new Float32Array(network.d).fill(NaN);
    expect(trainer.update(model, round, into)).equal(true);
    return into;
  });
}

describe('createTrainer', () => {
  it('draws the batch of a round whatever rounds came before', () => {
    const [first, second] = updates({}, [1, 2]);
    expect(updates({}, [2])).deep.equal([second]);
    expect(first).not.deep.equal(second);
  });

  it('draws other batches for another node or seed', () => {
    const own = updates({}, [1]);
    expect(updates({ node: 3 }, [1])).not.deep.equal(own);
    expect(updates({ seed: 4 }, [1])).not.deep.equal(own);
  });

  it('trains on the digits that it holds, and no others', () => {
    const into = new Float32Array(network.d);
    network.gradient(model, digits, Uint32Array.of(7, 7, 7, 7, 7), into);
    expect(updates({ held: Uint32Array.of(7) }, [1])).deep.equal([into]);
  });

  it('blends gradients by its momentum', () => {
    const gradients = updates({}, [1, 2, 3]);
    let memory = new Float64Array(network.d);
    const sent = updates({ momentum: 0.75 }, [1, 2, 3]);
    for (const [i, gradient] of gradients.entries()) {
      memory = memory.map((value, k) => 0.75 * value + 0.25 * gradient[k]!);
      expectClose(sent[i]!, memory, 1e-6);
    }
  });

  it('leaves the model as it was', () => {
    const before = model.slice();
    updates({ momentum: 0.5 }, [1, 2]);
    expect(model).deep.equal(before);
  });

  it('trains on flipped labels if configured', () => {
    const into = new Float32Array(network.d);
    const expected = new Float32Array(network.d);
    const held = Uint32Array.of(7);
    createTrainer({ ...options, held, labelOf: flippedLabel }).update(model, 1, into);
    network.gradient(model, digits, Uint32Array.of(7, 7, 7, 7, 7), expected, flippedLabel);
    expect(into).deep.equal(expected);
    expect(flippedLabel(3)).equal(6);
  });

  it('says when its update is not finite', () => {
    const into = new Float32Array(network.d);
    for (const value of [NaN, 3e38]) {
      expect(createTrainer(options).update(new Float32Array(network.d).fill(value), 1, into)).equal(false);
    }
  });
});
