/** Formats figures for humans, and tables of aligned columns. */

export interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

/** Three significant digits: 0.142, 1.94, 31.0, 371. */
export function significant(value: number): string {
  const size = Math.abs(value);
  if (size < 0.9995) return value.toFixed(3);
  if (size < 9.995) return value.toFixed(2);
  return value.toFixed(size < 99.95 ? 1 : 0);
}

export const times = (ratio: number | undefined): string =>
  ratio === undefined ? '' : `${significant(ratio)}×`;

/** A power of ten as 1e5 or 1e6, any other number as it is. */
export function entries(d: number): string {
  const exponent = Math.round(Math.log10(d));
  return d === 10 ** exponent && exponent > 3 ? `1e${exponent}` : String(d);
}

/** @returns lines; an empty row becomes an empty line */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ heading }, c) =>
    Math.max(heading.length, ...rows.map((row) => (row[c] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, c) => {
        const cell = cells[c] ?? '';
        return align === 'left' ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0);
      })
      .join('  ')
      .trimEnd();
  return [
    line(columns.map(({ heading }) => heading)),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...rows.map(line),
  ].join('\n');
}

export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const escaped = (cells: readonly string[]): string[] =>
    columns.map((_, c) => (cells[c] ?? '').replaceAll('|', '\\|'));
  return [
    line(escaped(columns.map(({ heading }) => heading))),
    line(columns.map(({ align }) => (align === 'left' ? '---' : '---:'))),
    ...rows.map((row) => line(escaped(row))),
  ].join('\n');
}
