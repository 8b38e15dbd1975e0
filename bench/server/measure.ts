/** The results of the server measurements, and their table. */
import { significant, textTable } from '../table.js';

export interface ServerFigure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** A reference from the same run. */
  readonly beside?: { readonly what: string; readonly value: number };
  /** A bound on value ÷ beside in percent if there is a `beside`, otherwise on the value. */
  readonly target?: { readonly bound: number; readonly sense: 'at least' | 'below' };
}

export interface ServerMeasure {
  readonly name: string;
  readonly summary: string;
  run(scale: Scale): Promise<readonly ServerFigure[]>;
}

export interface Scale {
  readonly quick: boolean;
}

const share = ({ value, beside }: ServerFigure): number | undefined => beside && (100 * value) / beside.value;

/** @returns undefined if there is no target */
export function met(figure: ServerFigure): boolean | undefined {
  if (!figure.target) return undefined;
  const { bound, sense } = figure.target;
  const measured = share(figure) ?? figure.value;
  return sense === 'at least' ? measured >= bound : measured < bound;
}

export function figureTable(figures: readonly ServerFigure[]): string {
  return textTable(
    [
      { heading: 'what', align: 'left' },
      { heading: 'measured', align: 'right' },
      { heading: '', align: 'left' },
      { heading: 'beside', align: 'right' },
      { heading: '', align: 'left' },
      { heading: 'share', align: 'right' },
      { heading: 'target', align: 'left' },
      { heading: '', align: 'left' },
    ],
    figures.map((figure) => {
      const percent = share(figure);
      const { target, beside } = figure;
      return [
        figure.what,
        significant(figure.value),
        figure.unit,
        beside ? significant(beside.value) : '',
        beside?.what ?? '',
        percent === undefined ? '' : `${significant(percent)} %`,
        target ? `${target.sense} ${target.bound} ${beside ? '%' : figure.unit}` : '',
        target ? (met(figure) ? 'met' : 'missed') : '',
      ];
    }),
  );
}
