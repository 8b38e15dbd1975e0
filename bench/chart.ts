/**
 * An SVG of one shape, with a row per rule that shows, on a logarithmic scale of milliseconds, Quorate on every core and
 * on one thread, NumPy, and plain JavaScript. Its colors follow the reader's preference for dark or light.
 */
import { coreCasesOf, fullestShape } from './report.js';
import { fastestNumpy, isTiming, type CaseResult, type Figure, type Results } from './results.js';
import { significant, times } from './table.js';

const layout = { width: 880, labels: 178, ratios: 92, top: 114, line: 30, bottom: 58 } as const;

interface Dot {
  readonly series: 'all' | 'one' | 'numpy' | 'javascript';
  readonly ms: number;
}

const ms = (figure: Figure): number | undefined => (isTiming(figure) ? figure.medianMs : undefined);

function dotsOf(result: CaseResult): Dot[] {
  const found: [Dot['series'], number | undefined][] = [
    ['javascript', ms(result.javaScript)],
    ['numpy', fastestNumpy(result)?.medianMs],
    ['one', ms(result.oneThread)],
    ['all', ms(result.allThreads)],
  ];
  return found.flatMap(([series, time]) => (time === undefined ? [] : [{ series, ms: time }]));
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const style = `
    svg { font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 13px }
    .ground { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d8dee4 }
    .span { stroke: #c4ccd4; stroke-width: 2 } .all { fill: #0b7a5c } .one { fill: #17b08a }
    .numpy { fill: #d9730d } .javascript { fill: #8250df } .title { font-size: 16px; font-weight: 600 }
    .number { font-variant-numeric: tabular-nums }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } .text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #262c34 }
      .span { stroke: #3d444d } .all { fill: #12966f } .one { fill: #3fd9ae } .numpy { fill: #f0883e }
      .javascript { fill: #ab7df8 }
    }`;

/** Each series also has its own shape, for readers who can't tell the colors apart. */
function mark(series: Dot['series'], x: number, y: number): string {
  const at = `class="${series}" transform="translate(${x.toFixed(1)} ${y})"`;
  switch (series) {
    case 'all':
      return `<path ${at} d="M-6.5 0 0 -6.5 6.5 0 0 6.5z"/>`;
    case 'one':
      return `<circle ${at} r="5.5"/>`;
    case 'numpy':
      return `<rect ${at} x="-4.8" y="-4.8" width="9.6" height="9.6" rx="1"/>`;
    case 'javascript':
      return `<path ${at} d="M-6 4.8 0 -5.6 6 4.8z"/>`;
  }
}

export function speedChart(results: Results): string {
  const { n, d } = fullestShape(results);
  const cases = coreCasesOf(results, n, d).filter((result) => isTiming(result.oneThread));
  const all = cases.flatMap((result) => dotsOf(result).map((dot) => dot.ms));
  const low = Math.floor(Math.log10(Math.min(...all, 1)));
  const high = Math.ceil(Math.log10(Math.max(...all, 10)));
  const right = layout.width - layout.ratios - 24;
  const x = (time: number): number =>
    layout.labels + ((Math.log10(time) - low) / (high - low)) * (right - layout.labels);
  const height = layout.top + cases.length * layout.line + layout.bottom;
  const foot = layout.top + cases.length * layout.line;

  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)).map((tick) => {
    const label = tick >= 1 ? tick.toLocaleString('en') : String(Number(tick.toPrecision(1)));
    const at = x(tick).toFixed(1);
    return (
      `<path class="grid" d="M${at} ${layout.top - 10}V${foot}"/>` +
      `<text class="quiet number" x="${at}" y="${foot + 20}" text-anchor="middle">${label}</text>`
    );
  });

  const lines = cases.map((result, i) => {
    const y = layout.top + i * layout.line + layout.line / 2 - 4;
    const dots = dotsOf(result);
    const spread = dots.map((dot) => x(dot.ms));
    const numpy = fastestNumpy(result)?.medianMs;
    const one = ms(result.oneThread);
    const gain = numpy === undefined || one === undefined ? '' : times(numpy / one);
    return (
      `<text class="text" x="${layout.labels - 18}" y="${y + 4.5}" text-anchor="end">${escape(result.rule)}</text>` +
      `<path class="span" d="M${Math.min(...spread).toFixed(1)} ${y}H${Math.max(...spread).toFixed(1)}"/>` +
      dots.map((dot) => tooltip(mark(dot.series, x(dot.ms), y), dot)).join('') +
      `<text class="text number" x="${layout.width - 24}" y="${y + 4.5}" text-anchor="end">${gain}</text>`
    );
  });

  const legend: [Dot['series'], string][] = [
    ['all', `Quorate, ${results.threads} threads`],
    ['one', 'Quorate, 1 thread'],
    ['numpy', 'NumPy, 1 thread'],
    ['javascript', 'plain JavaScript'],
  ];
  const key = legend.map(([series, text], i) => {
    const at = 31 + i * 168;
    return `${mark(series, at, 62)}<text class="text" x="${at + 13}" y="66.5">${text}</text>`;
  });

  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${layout.width} ${height}" width="${layout.width}" height="${height}" role="img" aria-label="Milliseconds that each rule takes">
  <style>${style}
  </style>
  <rect class="ground" width="${layout.width}" height="${height}" rx="8"/>
  <text class="text title" x="24" y="34">${n} updates of ${d.toLocaleString('en')} float32: milliseconds a rule takes</text>
  ${key.join('\n  ')}
  <text class="quiet" x="${layout.width - 24}" y="96" text-anchor="end">NumPy ÷ ours</text>
  ${ticks.join('\n  ')}
  ${lines.join('\n  ')}
  <text class="quiet" x="${right}" y="${foot + 42}" text-anchor="end">ms, logarithmic; further left is faster</text>
  <text class="quiet" x="24" y="${foot + 42}">${escape(results.machine.processor)}, Node ${results.machine.node}</text>
</svg>
`;
}

const tooltip = (shape: string, dot: Dot): string =>
  `<g><title>${significant(dot.ms)} ms</title>${shape}</g>`;
