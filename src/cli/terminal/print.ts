/** What commands print to standard output: JSON, or text within 80 columns. */

const WIDTH = 80;
const GAP = '  ';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** Aligns numbers to the right. The last column takes the rest of the line and wraps. */
export function printTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map(shown));
  const last = header.length - 1;
  const widths = header.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]!.length)),
  );
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0);
  widths[last] = Math.max(MIN_LAST, Math.min(widths[last]!, WIDTH - before));

  const line = (row: readonly string[], right: readonly boolean[]): void => {
    const [first, ...more] = wrapped(row[last]!, widths[last]!);
    const pad = (text: string, column: number): string =>
      right[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
    printLine([...row.slice(0, last), first].map(pad).join(GAP).trimEnd());
    for (const text of more) printLine(' '.repeat(before) + text);
  };
  const numeric = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'),
  );
  line(header, numeric);
  rows.forEach((_, index) => line(cells[index]!, numeric));
}

const MIN_LAST = 12;

function shown(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

function wrapped(text: string, width: number): [string, ...string[]] {
  const lines: [string, ...string[]] = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1]!;
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

/** Prints names and values, one pair a line. */
export function printFacts(facts: Readonly<Record<string, string | number | null>>): void {
  const width = Math.max(...Object.keys(facts).map(({ length }) => length));
  for (const [name, value] of Object.entries(facts)) {
    const [first, ...more] = wrapped(value === null ? '—' : shown(value), WIDTH - width - GAP.length);
    printLine(`${name.padEnd(width)}${GAP}${first}`);
    for (const text of more) printLine(' '.repeat(width + GAP.length) + text);
  }
}
