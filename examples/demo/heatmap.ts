/**
 * The results at a glance, as a self-contained picture: a panel per data distribution, a row per pipeline, a column per
 * attack, and in each cell the final accuracy in percent, shaded by what the attack cost. docs/demo.svg is this picture
 * as `npm run demo` writes it for the default seed.
 */
import { attackFree, brokenAtHyphens, finalAccuracy, runOf } from './findings.js';
import { escapeText, FONT, LOSS_LABELS, lossClass, lossShades } from './palette.js';
import type { Study } from './study.js';

const layout = { labels: 196, cell: 70, line: 32, gap: 3, between: 28, margin: 20, panel: 142 } as const;

const shades = (mode: 'light' | 'dark'): string =>
  lossShades[mode].map(({ fill, text }, i) => `.l${i} { fill: ${fill} } .t${i} { fill: ${text} }`).join(' ');

const style = `
    svg { font-family: ${FONT}; font-size: 13px }
    .ground { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e }
    .title { font-size: 17px; font-weight: 600 } .panel { font-weight: 600 } .small { font-size: 11.5px } .head { font-size: 11px }
    .number { font-variant-numeric: tabular-nums; text-anchor: middle }
    ${shades('light')}
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } .text { fill: #e6edf3 } .quiet { fill: #9198a1 }
      ${shades('dark')}
    }`;

export function heatmap(study: Study): string {
  const { data, attacks, pipelines, attackers, nodes, rounds } = study;
  const panelWidth = attacks.length * layout.cell;
  const width =
    2 * layout.margin + layout.labels + data.length * panelWidth + (data.length - 1) * layout.between;
  const foot = layout.panel + pipelines.length * layout.line;
  const height = foot + 58;
  const left = (panel: number): number =>
    layout.margin + layout.labels + panel * (panelWidth + layout.between);

  const labels = pipelines.map(
    (name, i) =>
      `<text class="text" x="${layout.margin}" y="${layout.panel + (i + 0.5) * layout.line + 4}">${escapeText(name)}</text>`,
  );

  const panels = data.map(({ name, title }, panel) => {
    const free = attackFree(study, name);
    const heading = `<text class="text panel" x="${left(panel)}" y="82">${escapeText(title)}</text>`;
    const headers = attacks.map((attack, column) => {
      const lines = brokenAtHyphens(attack.name, 12);
      const x = left(panel) + (column + 0.5) * layout.cell;
      return lines
        .map((text, line) => {
          const y = layout.panel - 8 - (lines.length - 1 - line) * 13;
          return `<text class="quiet head number" x="${x}" y="${y}">${text}</text>`;
        })
        .join('');
    });
    const cells = pipelines.flatMap((pipeline, row) =>
      attacks.map((attack, column) => {
        const accuracy = finalAccuracy(runOf(study, name, attack.name, pipeline));
        const shade = lossClass(free - accuracy);
        const x = left(panel) + column * layout.cell;
        const y = layout.panel + row * layout.line;
        return (
          `<rect class="l${shade}" x="${x}" y="${y}" width="${layout.cell - layout.gap}" ` +
          `height="${layout.line - layout.gap}" rx="3"/>` +
          `<text class="t${shade} number" x="${x + (layout.cell - layout.gap) / 2}" ` +
          `y="${y + layout.line / 2 + 3}">${(100 * accuracy).toFixed(1)}</text>`
        );
      }),
    );
    return [heading, ...headers, ...cells].join('\n  ');
  });

  const keyStep = 92;
  const keyLeft = width - layout.margin - LOSS_LABELS.length * keyStep;
  const key = LOSS_LABELS.map((label, i) => {
    const x = keyLeft + i * keyStep;
    return (
      `<rect class="l${i}" x="${x}" y="${foot + 21}" width="14" height="14" rx="3"/>` +
      `<text class="quiet small" x="${x + 19}" y="${foot + 32}">${label}</text>`
    );
  });

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Accuracy of ${pipelines.length} pipelines under attack">
  <style>${style}
  </style>
  <rect class="ground" width="${width}" height="${height}" rx="6"/>
  <text class="text title" x="${layout.margin}" y="34">Accuracy in percent with ${attackers} of ${nodes} nodes attacking</text>
  <text class="quiet small" x="${layout.margin}" y="54">${study.testDigits} unseen MNIST digits, after ${rounds} rounds of federated training (seed ${study.seed})</text>
  ${labels.join('\n  ')}
  ${panels.join('\n  ')}
  <text class="quiet small" x="${layout.margin}" y="${foot + 32}">Points lost compared with the mean without attackers</text>
  ${key.join('\n  ')}
</svg>
`;
}
