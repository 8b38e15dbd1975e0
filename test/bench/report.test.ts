import { expect } from 'chai';
import { makeCase } from '../../bench/cases.js';
import { speedChart } from '../../bench/chart.js';
import { coreMarkdown, coreNotes, coreTable, fullestShape } from '../../bench/report.js';
import { fastestNumpy, type CaseResult, type Figure, type Results } from '../../bench/results.js';
import { timing } from '../../bench/statistics.js';
import { judge } from '../../bench/targets.js';

const took = (ms: number): Figure => timing([ms]);

function result(rule: string, n: number, d: number, changed: Partial<CaseResult> = {}): CaseResult {
  const { parameters } = makeCase(rule, n, d);
  return {
    rule,
    n,
    d,
    parameters,
    oneThread: took(2),
    allThreads: took(1),
    fullCall: took(8),
    javaScript: took(60),
    numpy: [
      { variant: 'np.median', exact: true, figure: took(170) },
      { variant: 'np.sort, middle', exact: true, figure: took(50) },
      { variant: 'Gram matrix', exact: false, figure: took(1.5) },
    ],
    read: timing([1.5]),
    disagreements: [],
    ...changed,
  };
}

function results(...cases: CaseResult[]): Results {
  return {
    suite: 'core',
    date: '2026-01-01T00:00:00.000Z',
    quick: false,
    threads: 2,
    machine: {
      processor: 'A <Processor> & more',
      cores: 2,
      memoryBytes: 2 ** 34,
      platform: 'linux x64',
      node: '20.20.2',
      v8: '11.3',
      load: 0.1,
    },
    numpy: { python: '3.11', numpy: '2.4.6', scipy: null },
    cases,
  };
}

const searched = { oneThread: { absent: 'SEARCH_TOO_LARGE' }, allThreads: { absent: 'SEARCH_TOO_LARGE' } };

describe('fastestNumpy', () => {
  it('leaves out what is not exact, however fast', () => {
    expect(fastestNumpy(result('median', 10, 1e6))).deep.equal({ variant: 'np.sort, middle', medianMs: 50 });
  });

  it('is undefined where NumPy has no figure', () => {
    expect(fastestNumpy(result('median', 10, 1e6, { numpy: [] }))).equal(undefined);
  });
});

describe('coreTable', () => {
  it('sets ratios against one thread', () => {
    const [, , line = ''] = coreTable(results(result('median', 10, 1e6))).split('\n');
    expect(line.split(/ {2,}/)).deep.equal(
      ['median', '10', '1e6', '2.00', '1.00', '2.00×', '20.0', '75 %'].concat([
        '60.0',
        '30.0×',
        '50.0',
        '25.0×',
        '8.00',
      ]),
    );
  });

  it('orders by rule, then length, then number of updates', () => {
    const cases = [
      result('krum', 10, 1e5),
      result('mean', 50, 1e5),
      result('mean', 10, 1e6),
      result('mean', 10, 1e5),
    ];
    const lines = coreTable(results(...cases))
      .split('\n')
      .slice(2);
    expect(lines.map((line) => line.split(/ {2,}/).slice(0, 3).join(' '))).deep.equal([
      'krum 10 1e5',
      '',
      'mean 10 1e5',
      'mean 50 1e5',
      'mean 10 1e6',
    ]);
  });

  it('says where a search was refused, in the table and below it', () => {
    const run = results(result('mda', 50, 1e5, searched), result('mda', 100, 1e5, searched));
    expect(coreTable(run).match(/search too large/g)).lengthOf(4);
    expect(coreNotes(run).join('\n')).match(/mda at n = 50, mda at n = 100: SEARCH_TOO_LARGE/);
  });
});

describe('coreNotes', () => {
  it('warns of a busy machine, and only of a busy one', () => {
    const run = results(result('mean', 10, 1e5));
    expect(coreNotes(run).join('\n')).not.match(/busy/);
    const among = { ...run, machine: { ...run.machine, load: 4.8 } };
    expect(coreNotes(among).join('\n')).match(/busy at the start of the run \(load 4\.8 on 2 cores\)/);
  });

  it('does not hide a result that differs', () => {
    const run = results(result('caf', 10, 1e5, { disagreements: ['NumPy differs'] }));
    expect(coreNotes(run)).include('DISAGREEMENT: caf, 10 × 1e5: NumPy differs');
  });

  it('says that distances from a Gram matrix are excluded, and why', () => {
    const notes = coreNotes(results(result('distances', 50, 1e5))).join('\n');
    expect(notes).match(/excludes distances computed from a Gram matrix: faster, but inaccurate/);
    expect(coreNotes(results(result('krum', 50, 1e5))).join('\n')).not.contain('Gram');
  });
});

describe('coreMarkdown', () => {
  it('is a table of the shape with the most rules', () => {
    const run = results(result('mean', 10, 1e5), result('mean', 20, 1e6), result('median', 20, 1e6));
    const lines = coreMarkdown(run).split('\n');
    expect(lines[0]).match(/^\| 20 × 1,000,000 \| 1 thread, ms \| 2 threads, ms \|/);
    expect(lines[2]).match(/^\| `mean` \| 2\.00 \| 1\.00 \|/);
    expect(lines[3]).match(/^\| `median` \|/);
    expect(lines[4]).equal('');
  });
});

describe('fullestShape', () => {
  it('prefers 20 × 1e6 among equals', () => {
    const run = results(result('mean', 100, 1e6), result('mean', 20, 1e6), result('mean', 10, 1e5));
    expect(fullestShape(run)).include({ n: 20, d: 1e6 });
  });
});

describe('judge', () => {
  const verdictOf = (run: Results, claim: RegExp) => judge(run).find((verdict) => claim.test(verdict.claim));

  it('compares with the variant that the claim names, not with the fastest', () => {
    const run = results(result('median', 10, 1e6));
    expect(verdictOf(run, /^median.* 10 ×/)).include({ measured: '85.0 ×', verdict: 'met' });
  });

  it('says when a target is missed', () => {
    const run = results(result('mean', 10, 1e6, { oneThread: took(3) }));
    expect(verdictOf(run, /^mean/)).include({ measured: '50.0 %', verdict: 'missed' });
    const slow = results(result('krum', 20, 1e6, { oneThread: took(60) }));
    expect(verdictOf(slow, /^Krum/)).include({ verdict: 'missed' });
  });

  it('says when a target was not measured', () => {
    for (const { verdict, measured } of judge(results())) {
      expect(verdict).equal('not measured');
      expect(measured).equal('');
    }
    const alone = { ...results(result('distances', 100, 1e6)), threads: 1 };
    expect(verdictOf(alone, /two threads/)).include({ verdict: 'not measured' });
  });
});

describe('speedChart', () => {
  it('places every figure inside its frame', () => {
    const chart = speedChart(
      results(
        result('mean', 20, 1e6, { oneThread: took(0.02) }),
        result('median', 20, 1e6, { javaScript: took(80_000) }),
      ),
    );
    const places = [...chart.matchAll(/translate\(([\d.-]+) ([\d.-]+)\)/g)].map((match) => Number(match[1]));
    expect(places).lengthOf(4 + 2 * 4);
    for (const x of places) expect(x).within(0, 880);
    expect(chart).not.match(/NaN|undefined|Infinity/);
  });

  it('escapes what it does not know', () => {
    expect(speedChart(results(result('nnm > trimmed-mean', 20, 1e6)))).include(
      'A &lt;Processor&gt; &amp; more',
    );
  });

  it('leaves out a rule that could not run', () => {
    const chart = speedChart(results(result('mean', 20, 1e6), result('smea', 20, 1e6, searched)));
    expect(chart).include('>mean<').not.include('>smea<');
  });
});
