import { expect } from 'chai';
import * as registry from '../../src/optimizers/registry.js';
import { correction } from '../../src/optimizers/parameters.js';
import {
  optimizer,
  optimizers,
  optimizerText,
  parseOptimizer,
} from '../../src/optimizers/optimizersByName.js';
import { expectRefusal } from '../support/refusal.js';

const defaults: Readonly<Record<string, object>> = {
  'fed-avg': { eta: 1 },
  'fed-avg-m': { eta: 1, beta: 0.9 },
  'fed-adagrad': { eta: 0.1, beta1: 0.9, tau: 1e-3, biasCorrection: false },
  'fed-adam': { eta: 0.1, beta1: 0.9, beta2: 0.99, tau: 1e-3, biasCorrection: false },
  'fed-yogi': { eta: 0.01, beta1: 0.9, beta2: 0.99, tau: 1e-3, biasCorrection: false },
};

describe('optimizers', () => {
  it('lists all of them with their parameters', () => {
    expect(optimizers().map(({ name }) => name)).include.members(Object.keys(defaults));
    for (const { name, parameters, source, summary } of optimizers()) {
      expect(
        Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter.default])),
      ).deep.equal(defaults[name] ?? optimizer(name).parameters);
      for (const parameter of parameters) {
        expect(parameter.description, `${name}: ${parameter.name}`).not.equal('');
        expect(parameter.required).equal(false);
      }
      expect(source).match(/arXiv:\d/);
      expect(summary).match(/\.$/);
    }
  });
});

describe('optimizer', () => {
  it('makes by name what the functions make', () => {
    for (const factory of Object.values(registry)) {
      const { name, parameters, state } = factory();
      expect(parameters).deep.equal(defaults[name] ?? optimizer(name).parameters);
      const named = optimizer(name);
      expect([named.name, named.parameters, named.state]).deep.equal([name, parameters, state]);
    }
    expect(optimizer('fed-adam', { eta: 0.5 }).parameters).deep.equal({ ...defaults['fed-adam'], eta: 0.5 });
  });

  it('refuses unknown names and parameters', async () => {
    await expectRefusal(() => optimizer('adam'), 'UNKNOWN_RULE');
    await expectRefusal(() => optimizer('toString'), 'UNKNOWN_RULE');
    await expectRefusal(() => optimizer('fed-avg', { beta: 0.9 }), 'UNKNOWN_PARAMETER');
    await expectRefusal(() => optimizer('fed-adagrad', { beta2: 0.9 }), 'UNKNOWN_PARAMETER');
    await expectRefusal(() => optimizer('fed-adam', { beta: 0.9 }), 'UNKNOWN_PARAMETER');
  });

  it('refuses parameters out of range, in float32 too', async () => {
    const refused: [name: string, parameter: string, values: unknown[]][] = [
      ['fed-avg', 'eta', [0, -1, NaN, Infinity, 1e39, 1e-46, '1', null]],
      ['fed-avg-m', 'beta', [-0.1, 1, 1.5, 1 - 1e-9, NaN, '0.9']],
      ['fed-adagrad', 'beta1', [-0.1, 1, NaN]],
      ['fed-adam', 'beta2', [-0.1, 1, NaN]],
      ['fed-yogi', 'tau', [0, -1e-3, NaN, Infinity, 1e-46]],
      ['fed-adam', 'biasCorrection', [0, 1, 'true', null]],
    ];
    for (const [name, parameter, values] of refused) {
      for (const value of values) {
        const { details } = await expectRefusal(
          () => optimizer(name, { [parameter]: value }),
          'INVALID_PARAMETER',
        );
        expect(details.parameter).equal(parameter);
      }
    }
  });
});

describe('correction', () => {
  it('is 1 / (1 − betaᵗ)', () => {
    expect(correction(true, 0, 1)).equal(1);
    expect(correction(true, 0.5, 1)).equal(2);
    expect(correction(true, 0.5, 3)).equal(1 / (1 - 0.125));
    expect(correction(true, 0.9, 2)).equal(1 / (1 - 0.9 * 0.9));
    expect(correction(true, 0.99, 100)).closeTo(1 / (1 - 0.99 ** 100), 1e-12);
  });

  it('ends at 1, soon, however many steps there were', () => {
    expect(correction(true, 0.999, Number.MAX_SAFE_INTEGER)).equal(1);
  });

  it('is 1 where it is not wanted', () => {
    expect(correction(false, 0.9, 1)).equal(1);
  });
});

describe('parseOptimizer', () => {
  it('reads what optimizerText prints, for every optimizer', () => {
    for (const { name } of optimizers()) {
      const written = parseOptimizer(name);
      expect(written.parameters).deep.equal(optimizer(name).parameters);
      expect(parseOptimizer(optimizerText(written)).parameters).deep.equal(written.parameters);
    }
    const text = 'fed-adam(eta=0.5, beta1=0, beta2=0.999, tau=1e-9, biasCorrection=true)';
    expect(optimizerText(parseOptimizer(text))).equal(text);
    expect(parseOptimizer(' fed-adam ( eta = 0.5 )').parameters).deep.equal({
      ...defaults['fed-adam'],
      eta: 0.5,
    });
  });

  it('refuses unknown names and parameters, values out of range, and more than one', async () => {
    await expectRefusal(() => parseOptimizer('adam'), 'UNKNOWN_RULE');
    await expectRefusal(() => parseOptimizer('krum(f=1)'), 'UNKNOWN_RULE');
    await expectRefusal(() => parseOptimizer('fed-avg(beta=0.9)'), 'UNKNOWN_PARAMETER');
    await expectRefusal(() => parseOptimizer('fed-avg(eta=0)'), 'INVALID_PARAMETER');
    const two = await expectRefusal(() => parseOptimizer('fed-avg > fed-avg'), 'INVALID_PARAMETER');
    expect(two.details.position).equal(10);
    const open = await expectRefusal(() => parseOptimizer('fed-avg(eta=1'), 'INVALID_PARAMETER');
    expect(open.details.position).equal(13);
  });
});
