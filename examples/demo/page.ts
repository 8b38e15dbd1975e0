/**
 * The results as a self-contained page, which makes no requests. Everything is drawn here; the script only adds
 * readings under the pointer, and highlights a pipeline when its name is clicked.
 */
import { panel } from './curves.js';
import { attackFree, finalAccuracy, percent, runOf, sentence, worstOf } from './findings.js';
import { escapeText, FONT, lineColors, LOSS_LABELS, lossClass, lossShades } from './palette.js';
import { script } from './pageScript.js';
import type { Study } from './study.js';

type Mode = 'light' | 'dark';

const colors = (mode: Mode): string =>
  [
    ...lineColors[mode].map((color, i) => `.s${i} { --c: ${color} }`),
    ...lossShades[mode].map(({ fill, text }, i) => `.l${i} { background: ${fill}; color: ${text} }`),
  ].join(' ');

const style = `
:root { color-scheme: light dark; --ground: #ffffff; --raised: #f6f8fa; --text: #1f2328; --quiet: #59636e;
  --rule: #d8dee4; --grid: #e6eaee }
${colors('light')}
@media (prefers-color-scheme: dark) {
  :root { --ground: #0d1117; --raised: #151b23; --text: #e6edf3; --quiet: #9198a1; --rule: #2b323b; --grid: #212830 }
  ${colors('dark')}
}
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 ${FONT} }
main { max-width: 1320px; margin: 0 auto; padding: 40px 28px 64px }
h1 { font-size: 15px; font-weight: 600; color: var(--quiet); margin: 0 0 14px }
.lead { font-size: 25px; line-height: 1.35; font-weight: 600; letter-spacing: -0.01em; max-width: 46em; margin: 0 0 14px;
  text-wrap: pretty }
.about { color: var(--quiet); max-width: 62em; margin: 0 0 28px }
h2 { font-size: 20px; margin: 52px 0 14px; letter-spacing: -0.01em }
.legend { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; gap: 6px; padding: 10px 0;
  background: var(--ground); border-bottom: 1px solid var(--rule) }
.legend button { font: inherit; font-size: 13px; color: var(--text); background: var(--raised); padding: 3px 11px 3px 9px;
  border: 1px solid var(--rule); border-radius: 99px; cursor: pointer; display: flex; align-items: center; gap: 7px }
.legend button::before { content: ''; width: 16px; height: 3px; border-radius: 2px; background: var(--c) }
.legend button[aria-pressed=true] { border-color: var(--c); box-shadow: inset 0 0 0 1px var(--c) }
.legend .free { font-size: 13px; color: var(--quiet); display: flex; align-items: center; gap: 7px; margin-left: 6px }
.legend .free::before { content: ''; width: 18px; border-top: 2px dashed var(--quiet) }
.table { overflow-x: auto }
table { border-collapse: separate; border-spacing: 3px; font-size: 14px; margin: 0 0 8px -3px }
th { font-weight: 400; color: var(--quiet); text-align: right; vertical-align: bottom; padding: 2px 10px; line-height: 1.2; max-width: 118px }
tbody th { text-align: left; vertical-align: middle; color: var(--text); padding-left: 3px; white-space: nowrap;
  max-width: none }
tbody th::before { content: ''; display: inline-block; width: 12px; height: 3px; border-radius: 2px; background: var(--c);
  margin-right: 9px; vertical-align: middle }
td { text-align: right; padding: 4px 10px; border-radius: 4px; width: 112px; font-variant-numeric: tabular-nums }
tr > :last-child { font-weight: 600 }
tfoot tr > * { color: var(--quiet); font-weight: 400; text-align: left; max-width: none; vertical-align: middle }
tfoot td:last-child { text-align: right; font-weight: 400 }
.key { display: flex; flex-wrap: wrap; gap: 4px 16px; color: var(--quiet); font-size: 13px; margin: 0 0 22px }
.key span { display: flex; align-items: center; gap: 6px }
.key i { width: 14px; height: 14px; border-radius: 3px }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)); gap: 22px 26px }
figure { margin: 0; position: relative }
figcaption { font-weight: 600 }
figcaption span { display: block; font-weight: 400; color: var(--quiet); font-size: 13px }
svg.panel { display: block; width: 100%; height: auto; font-size: 11.5px; touch-action: pan-y }
.grid { stroke: var(--grid) } .tick { fill: var(--quiet); font-variant-numeric: tabular-nums; font-size: 11px }
.free { stroke: var(--quiet); stroke-dasharray: 4 4; fill: none } .cursor { stroke: var(--quiet) }
.series { transition: opacity 0.12s } .series text { fill: var(--c); font-weight: 500; cursor: default }
.line { fill: none; stroke: var(--c); stroke-width: 1.9; stroke-linejoin: round }
.s0 .line { stroke-width: 2.8 } .leader { stroke: var(--c); opacity: 0.5; fill: none }
.single .series { opacity: 0.13 } .single .series.chosen { opacity: 1 } .single .chosen .line { stroke-width: 3 }
.reading { position: absolute; z-index: 3; pointer-events: none; background: var(--ground); border: 1px solid var(--rule);
  border-radius: 8px; box-shadow: 0 6px 22px rgb(0 0 0 / 0.18); padding: 8px 11px; font-size: 12.5px; white-space: nowrap }
.reading b { display: block; margin-bottom: 3px }
.reading div { display: flex; gap: 8px; align-items: center; font-variant-numeric: tabular-nums }
.reading div::before { content: ''; width: 10px; height: 3px; border-radius: 2px; background: var(--c) }
.reading div span { margin-left: auto; padding-left: 14px }
footer { color: var(--quiet); font-size: 13px; margin-top: 56px; border-top: 1px solid var(--rule); padding-top: 16px;
  max-width: 80em }`;

/** Allows line breaks only after hyphens. */
const header = (name: string): string => escapeText(name).replaceAll('-', '-<wbr>');

function shares(held: readonly number[]): string {
  if (held.every((count) => count === held[0])) return `Each node holds ${held[0]}.`;
  return `The nodes hold ${held.slice(0, -1).join(', ')} and ${held.at(-1)}.`;
}

function table(study: Study, data: string): string {
  const free = attackFree(study, data);
  const cell = (accuracy: number): string =>
    `<td class="l${lossClass(free - accuracy)}">${percent(accuracy)}</td>`;
  const rows = study.pipelines.map((pipeline, i) => {
    const cells = study.attacks.map(({ name }) => cell(finalAccuracy(runOf(study, data, name, pipeline))));
    const worst = cell(worstOf(study, data, pipeline).accuracy);
    return `<tr><th class="s${i}" scope="row">${escapeText(pipeline)}</th>${cells.join('')}${worst}</tr>`;
  });
  const heads = [...study.attacks.map(({ name }) => name), 'worst'].map(
    (name) => `<th scope="col">${header(name)}</th>`,
  );
  const alone = study.honestAlone.find((run) => run.data === data);
  const foot = alone
    ? `<tfoot><tr><th scope="row">mean of the honest nodes alone</th><td>${percent(finalAccuracy(alone))}</td></tr></tfoot>`
    : '';
  return `<div class="table"><table><thead><tr><th></th>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody>${foot}</table></div>`;
}

const key = `<div class="key">Points lost compared with the mean without attackers: ${LOSS_LABELS.map(
  (label, i) => `<span><i class="l${i}"></i>${label}</span>`,
).join('')}</div>`;

export function page(study: Study): string {
  const sections = study.data.map(({ name: data, title, detail, held }) => {
    const panels = study.attacks.map(
      ({ name, what }) =>
        `<figure><figcaption>${escapeText(name)}<span>${escapeText(what)}</span></figcaption>${panel(study, data, name)}</figure>`,
    );
    return `<section><h2>${escapeText(title)}</h2>
<p class="about">${escapeText(detail)} ${escapeText(shares(held))}</p>
${table(study, data)}${key}
<div class="panels">${panels.join('\n')}</div></section>`;
  });
  const legend = study.pipelines.map(
    (name, i) =>
      `<button type="button" class="s${i}" data-series="${i}" aria-pressed="false">${escapeText(name)}</button>`,
  );
  const measured = {
    rounds: study.rounds,
    pipelines: study.pipelines,
    runs: study.runs.map(({ data, attack, pipeline, measurements }) => ({
      data,
      attack,
      series: study.pipelines.indexOf(pipeline),
      rounds: measurements.map(({ round }) => round),
      accuracies: measurements.map(({ accuracy }) => accuracy),
    })),
  };

  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quorate: federated training under attack</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Quorate: federated training under attack</h1>
<p class="lead">${escapeText(sentence(study))}</p>
<p class="about">${study.nodes} nodes train one network of ${study.d.toLocaleString('en')} parameters on real MNIST digits, for ${study.rounds} rounds per line below; ${study.attackers} of the nodes attack. Each node sends its momentum, and the server aggregates. Accuracy is measured on ${study.testDigits.toLocaleString('en')} digits that no node has seen.</p>
<div class="legend">${legend.join('')}<span class="free">mean without attackers</span></div>
${sections.join('\n')}
<footer>Seed ${study.seed}. ${study.runs.length + study.honestAlone.length} training runs in ${study.seconds.toFixed(0)} s, of which ${study.aggregationSeconds.toFixed(1)} s in ${study.aggregations.toLocaleString('en')} aggregations. The same seed gives the same accuracies on every machine.</footer>
</main>
<script type="application/json" id="measured">${JSON.stringify(measured).replaceAll('<', '\\u003c')}</script>
<script>${script}</script>
</body>
</html>
`;
}
