import { expect } from 'chai';
import { commonNames } from '../../../src/coordinator/session/roundRecord.js';

const inventions = (of: string) =>
  Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`${of}${String(i).padStart(2, '0')}`, i]));

describe('commonNames', () => {
  it('are all names, in order, where there are few', () => {
    expect(commonNames([{ loss: 1, accuracy: 1 }, { loss: 2 }, { error: 3 }])).deep.equal([
      'accuracy',
      'error',
      'loss',
    ]);
    expect(commonNames([])).deep.equal([]);
  });

  it('are those that most report, whatever a few make up', () => {
    const names = commonNames([{ zeta: 1 }, inventions('a'), { zeta: 2 }, inventions('b'), { zeta: 3 }]);
    expect(names).lengthOf(32);
    expect(names).include('zeta');
    expect(names[0]).equal('a00');
  });
});
