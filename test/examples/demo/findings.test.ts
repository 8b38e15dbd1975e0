import { expect } from 'chai';
import { brokenAtHyphens, sentence, steadiest, worstOf } from '../../../examples/demo/findings.js';
import { spread } from '../../../examples/demo/curves.js';
import { heatmap } from '../../../examples/demo/heatmap.js';
import { page } from '../../../examples/demo/page.js';
import { LOSS_BOUNDS, LOSS_LABELS, lossClass, lossShades } from '../../../examples/demo/palette.js';
import { accuracyTable } from '../../../examples/demo/table.js';
import { inventedStudy } from './inventedStudy.js';

const ESCAPE = String.fromCharCode(27);

const study = inventedStudy({
  mean: { uniform: { none: 0.9, lies: 0.1 }, heterogeneous: { none: 0.88, lies: 0.2 } },
  median: { uniform: { none: 0.85, lies: 0.84 }, heterogeneous: { none: 0.8, lies: 0.7 } },
  'nnm > median': { uniform: { none: 0.86, lies: 0.83 }, heterogeneous: { none: 0.85, lies: 0.82 } },
});

describe('the findings of a study', () => {
  it('are the worst accuracies over all attacks', () => {
    expect(worstOf(study, 'uniform', 'mean')).deep.equal({ attack: 'lies', accuracy: 0.1 });
    expect(steadiest(study)).equal('nnm > median');
  });

  it('fit into one sentence', () => {
    expect(sentence(study)).equal(
      'With 3 of 10 nodes attacking, the mean fell from 90.0% accuracy on unseen digits to 10.0% (lies), ' +
        'while nnm > median kept 83.0% or more with the same mix of digits on every node and 82.0% or more with ' +
        'a different mix on each, under every attack.',
    );
  });

  it('do not claim that the mean failed if it did not', () => {
    const harmless = inventedStudy({
      mean: { uniform: { none: 0.9, lies: 0.91 } },
      median: { uniform: { none: 0.85, lies: 0.84 } },
    });
    expect(sentence(harmless)).equal(
      'With 3 of 10 nodes attacking, no attack pushed the mean below the 90.0% that it reaches without attackers.',
    );
  });
});

describe('the table', () => {
  it('holds every accuracy, and no control characters where colors are not wanted', () => {
    const text = accuracyTable(study, false);
    expect(text).not.include(ESCAPE);
    for (const value of ['90.0%', '10.0%', '84.0%', '82.0%', 'nnm > median']) expect(text).include(value);
    const rows = text.split('\n').filter((line) => /^(mean|median|nnm)/.test(line));
    expect(rows).length(6);
    expect(new Set(rows.map(({ length }) => length)).size).equal(1);
  });

  it('colors what an attack cost much', () => {
    expect(accuracyTable(study, true)).include(`${ESCAPE}[31m        10.0%`);
  });
});

describe('the picture and the page', () => {
  const documents = { picture: heatmap(study), page: page(study) };

  for (const [name, text] of Object.entries(documents)) {
    it(`hold every result: ${name}`, () => {
      for (const value of ['90.0', '10.0', '84.0', '82.0', 'nnm &gt; median']) expect(text).include(value);
    });

    it(`ask nothing of other machines: ${name}`, () => {
      expect(text.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.match(
        /https?:|src=|@import|url\(/,
      );
    });

    it(`have no number that is none: ${name}`, () => {
      expect(text.split('<script>')[0]).not.match(/NaN|undefined|Infinity/);
    });

    it(`close every element: ${name}`, () => {
      for (const element of [
        'svg',
        'g',
        'text',
        'style',
        'table',
        'tr',
        'td',
        'th',
        'section',
        'figure',
        'div',
      ]) {
        const count = (pattern: string) => text.match(new RegExp(pattern, 'g'))?.length ?? 0;
        expect(count(`<${element}[ >]`), element).equal(count(`</${element}>`));
      }
    });
  }

  it('carry the measurements in a way that cannot end the script element', () => {
    const [, json] = /id="measured">(.*?)<\/script>/s.exec(documents.page) ?? [];
    expect(json).not.include('<');
    const measured = JSON.parse(json!) as { pipelines: string[]; runs: { accuracies: number[] }[] };
    expect(measured.pipelines).deep.equal(study.pipelines);
    expect(measured.runs).length(study.runs.length);
    expect(measured.runs[1]!.accuracies.at(-1)).equal(0.1);
  });
});

describe('lossClass', () => {
  it('has a label and a shade for every class', () => {
    expect(LOSS_LABELS).length(LOSS_BOUNDS.length + 1);
    expect([lossShades.light.length, lossShades.dark.length]).deep.equal([6, 6]);
    expect([-0.1, 0.019, 0.02, 0.3, 0.4, 0.9, NaN].map(lossClass)).deep.equal([0, 0, 1, 4, 5, 5, 5]);
  });
});

describe('spread', () => {
  it('moves labels apart, in their order, within their bounds', () => {
    const placed = spread([50, 51, 10, 52, 99], 10, 0, 100);
    expect(placed).deep.equal([50, 60, 10, 70, 99]);
    expect(spread([99, 100, 98], 10, 0, 100)).deep.equal([90, 100, 80]);
  });
});

describe('brokenAtHyphens', () => {
  it('breaks names after hyphens where they are too long', () => {
    expect(brokenAtHyphens('inner-product-manipulation', 14)).deep.equal(['inner-product-', 'manipulation']);
    expect(brokenAtHyphens('inner-product-manipulation', 12)).deep.equal([
      'inner-',
      'product-',
      'manipulation',
    ]);
    expect(brokenAtHyphens('none', 2)).deep.equal(['none']);
  });
});
