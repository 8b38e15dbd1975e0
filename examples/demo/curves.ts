/**
 * One panel of the page: accuracy by round under one attack, with a labeled line for each pipeline. The dashed line is
 * the mean without attackers. It is drawn without a script; the page's script only adds the readings under the pointer,
 * using the scales that the panel carries as data attributes.
 */
import { attackFree, finalAccuracy, runOf } from './findings.js';
import { escapeText } from './palette.js';
import type { Study } from './study.js';

const frame = { width: 430, height: 286, left: 30, right: 178, top: 10, bottom: 24 } as const;
const LABEL_HEIGHT = 13.5;

/** Moves overlapping labels apart, first down and then back up from the bottom, as little as possible and in order. */
export function spread(wanted: readonly number[], gap: number, top: number, foot: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  const placed = [...wanted];
  let edge = top;
  for (const i of order) {
    placed[i] = Math.max(placed[i]!, edge);
    edge = placed[i] + gap;
  }
  edge = foot;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i]!, edge);
    edge = placed[i] - gap;
  }
  return placed;
}

export function panel(study: Study, data: string, attack: string): string {
  const right = frame.width - frame.right;
  const foot = frame.height - frame.bottom;
  const x = (round: number): number => frame.left + (round / study.rounds) * (right - frame.left);
  const y = (accuracy: number): number => foot - accuracy * (foot - frame.top);

  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path class="grid" d="M${frame.left} ${y(share)}H${right}"/>` +
      `<text class="tick" x="${frame.left - 5}" y="${y(share) + 3.5}" text-anchor="end">${100 * share}</text>`,
  );
  const rounds = [0, study.rounds / 2, study.rounds].map(
    (round) =>
      `<text class="tick" x="${x(round)}" y="${foot + 16}" text-anchor="middle">${round === 0 ? 'round 0' : Math.round(round)}</text>`,
  );
  const free = y(attackFree(study, data));

  const runs = study.pipelines.map((pipeline) => runOf(study, data, attack, pipeline));
  const ends = spread(
    runs.map((run) => y(finalAccuracy(run)) + 4),
    LABEL_HEIGHT,
    frame.top + 4,
    foot + 4,
  );
  const lines = runs.map(({ pipeline, measurements }, series) => {
    const points = measurements.map(
      ({ round, accuracy }) => `${x(round).toFixed(1)} ${y(accuracy).toFixed(1)}`,
    );
    const end = y(finalAccuracy(runs[series]!));
    const at = ends[series]!;
    return (
      `<g class="series s${series}" data-series="${series}"><path class="line" d="M${points.join('L')}"/>` +
      `<path class="leader" d="M${right + 2} ${end.toFixed(1)}L${right + 9} ${(at - 4).toFixed(1)}"/>` +
      `<text x="${right + 12}" y="${at.toFixed(1)}">${escapeText(pipeline)}</text></g>`
    );
  });
  // Draw the first pipelines last, above all the mean, so that their lines lie on top.
  lines.reverse();

  return `<svg class="panel" viewBox="0 0 ${frame.width} ${frame.height}" role="img" aria-label="Accuracy by round, ${escapeText(attack)}" data-data="${data}" data-attack="${attack}" data-left="${frame.left}" data-right="${right}">
${grid.join('')}${rounds.join('')}
<path class="free" d="M${frame.left} ${free.toFixed(1)}H${right}"/>
${lines.join('\n')}
<path class="cursor" d="M0 ${frame.top}V${foot}" visibility="hidden"/>
</svg>`;
}
