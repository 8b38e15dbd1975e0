/**
 * Writes the README's table of rules from `rules()`, so that it says what the code says.
 *
 *   node scripts/rulesTable.js          rewrites the table
 *   node scripts/rulesTable.js --check  exits with 1 if it is out of date
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { rules } from '../dist/src/index.js';

const readme = join(dirname(dirname(fileURLToPath(import.meta.url))), 'README.md');
const [begin, end] = ['<!-- rules: npm run docs:rules -->', '<!-- /rules -->'];

/** @param {import('../dist/src/index.js').StageDescription['parameters'][number]} parameter */
function parameterText({ name, required, default: value }) {
  if (required) return `\`${name}\``;
  return value === undefined ? `\`${name}?\`` : `\`${name} = ${String(value)}\``;
}

function table() {
  const rows = rules().map(({ name, kind, summary, parameters, constraint, source }) =>
    [`\`${name}\``, parameters.map(parameterText).join(', '), constraint, summary, `${kind}; ${source}`].join(
      ' | ',
    ),
  );
  return [
    '| name | parameters | needs | what it does | kind; source |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

const text = readFileSync(readme, 'utf8');
const [before, rest] = text.split(begin);
const after = rest?.split(end)[1];
if (after === undefined) throw new Error(`README.md lacks ${begin} … ${end}`);
const wanted = await format(`${before}${begin}\n\n${table()}\n\n${end}${after}`, {
  ...(await resolveConfig(readme)),
  parser: 'markdown',
});
if (process.argv.includes('--check')) {
  if (wanted !== text) {
    console.error('README.md: the table of rules is out of date; run npm run docs:rules');
    process.exitCode = 1;
  }
} else writeFileSync(readme, wanted);
