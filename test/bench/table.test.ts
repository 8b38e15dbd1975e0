import { expect } from 'chai';
import { entries, markdownTable, significant, textTable, times } from '../../bench/table.js';

describe('significant', () => {
  it('keeps three digits, whatever the size', () => {
    const told = [0.0004, 0.1424, 1.944, 31.04, 371.3, 1234.5].map(significant);
    expect(told).deep.equal(['0.000', '0.142', '1.94', '31.0', '371', '1235']);
  });

  it('does not gain a digit by rounding up', () => {
    expect([0.99951, 9.9961, 99.961].map(significant)).deep.equal(['1.00', '10.0', '100']);
  });
});

describe('times', () => {
  it('is empty where there is no ratio', () => {
    expect(times(undefined)).equal('');
    expect(times(17.04)).equal('17.0×');
  });
});

describe('entries', () => {
  it('shortens round powers of ten only', () => {
    expect([10, 1000, 100_000, 1_000_000, 123_456].map(entries)).deep.equal([
      '10',
      '1000',
      '1e5',
      '1e6',
      '123456',
    ]);
  });
});

const columns = [
  { heading: 'rule', align: 'left' },
  { heading: 'ms', align: 'right' },
] as const;

describe('textTable', () => {
  it('aligns every column to its widest cell', () => {
    expect(textTable(columns, [['median', '1.94'], ['krum', '371'], [], ['x']])).equal(
      ['rule      ms', '──────  ────', 'median  1.94', 'krum     371', '', 'x'].join('\n'),
    );
  });

  it('fits its heading where there are no rows', () => {
    expect(textTable(columns, [])).equal('rule  ms\n────  ──');
  });
});

describe('markdownTable', () => {
  it('marks the alignment and escapes bars', () => {
    expect(markdownTable(columns, [['a|b', '1'], ['c']])).equal(
      ['| rule | ms |', '| --- | ---: |', '| a\\|b | 1 |', '| c |  |'].join('\n'),
    );
  });
});
