/**
 * Stages as text, as in reports and configuration files: `nnm(f=2) > trimmed-mean(f=2)`.
 *
 *   text   = stage { ">" stage }
 *   stage  = name [ "(" [ key "=" value { "," key "=" value } ] ")" ]
 *   name   = a letter, then letters, digits and dashes
 *   key    = a letter or underscore, then letters, digits and underscores
 *   value  = a number, a string, true or false, as in JSON
 *
 * White space is allowed between any two of these. Vectors have no text. One pass, linear in the text's length.
 */
import { QuorateError } from '../errors.js';

/** A stage as written. Neither its name nor its parameters are checked yet. */
export interface WrittenStage {
  readonly name: string;
  /** Without a prototype, so that no key has a special meaning. */
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  /** Position of its name in the text, from 0. */
  readonly position: number;
}

/** Far more than any pipeline needs, and far below the length at which a regular expression overflows the stack. */
const MAX_CHARACTERS = 10_000;

const space = /[ \t\r\n]*/y;
const name = /[A-Za-z][A-Za-z0-9-]*/y;
const key = /[A-Za-z_][A-Za-z0-9_]*/y;
const value = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|"(?:[^"\\]|\\.)*"|true|false/y;

class Reader {
  private readonly what: string;
  private readonly text: string;
  position = 0;

  constructor(what: string, text: string) {
    this.what = what;
    this.text = text;
    this.take(space);
  }

  get isAtEnd(): boolean {
    return this.position === this.text.length;
  }

  /** Consumes what the pattern matches here, and the space after it. Undefined if it doesn't match. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.position += found.length;
    if (pattern !== space) this.take(space);
    return found;
  }

  takeSign(sign: string): boolean {
    if (this.text[this.position] !== sign) return false;
    this.position++;
    this.take(space);
    return true;
  }

  /** @throws QuorateError INVALID_PARAMETER always */
  refuse(problem: string, position = this.position, details: Record<string, unknown> = {}): never {
    const { what, text } = this;
    const found = position < text.length ? `'${text.slice(position, position + 20)}'` : 'the end';
    throw new QuorateError('INVALID_PARAMETER', `${what}: ${problem} at position ${position}, at ${found}`, {
      ...details,
      text,
      position,
    });
  }
}

function readValue(reader: Reader, parameter: string): number | string | boolean {
  const { position } = reader;
  const written = reader.take(value);
  if (written === undefined) {
    if (reader.takeSign('[')) {
      reader.refuse(`${parameter} is a vector, which has no text,`, position, { parameter });
    }
    return reader.refuse(`${parameter} must be a number, true, false or a "string"`, position, { parameter });
  }
  try {
    return JSON.parse(written) as number | string | boolean;
  } catch {
    return reader.refuse(`${parameter} is not a valid JSON string`, position, { parameter });
  }
}

function readParameters(reader: Reader): WrittenStage['parameters'] {
  const parameters = Object.create(null) as Record<string, number | string | boolean>;
  if (!reader.takeSign('(') || reader.takeSign(')')) return parameters;
  for (;;) {
    const { position } = reader;
    const parameter = reader.take(key) ?? reader.refuse('expected the name of a parameter');
    if (parameter in parameters) reader.refuse(`${parameter} is given twice`, position, { parameter });
    if (!reader.takeSign('=')) reader.refuse(`expected = after ${parameter}`);
    parameters[parameter] = readValue(reader, parameter);
    if (reader.takeSign(')')) return parameters;
    if (!reader.takeSign(',')) reader.refuse('expected , or )');
  }
}

/**
 * Parses one or more stages.
 *
 * @param what the kind of text, for the message
 * @throws QuorateError BAD_TYPE; INVALID_PARAMETER, with `details.position` in the text
 */
export function parseStages(what: string, text: string): WrittenStage[] {
  if (typeof text !== 'string') throw new QuorateError('BAD_TYPE', `${what} must be a string`, { what });
  if (text.length > MAX_CHARACTERS) {
    throw new QuorateError('INVALID_PARAMETER', `${what}: longer than ${MAX_CHARACTERS} characters`, {
      what,
    });
  }
  const reader = new Reader(what, text);
  const stages: WrittenStage[] = [];
  do {
    const { position } = reader;
    const stage = reader.take(name) ?? reader.refuse('expected a name');
    stages.push({ name: stage, parameters: readParameters(reader), position });
  } while (reader.takeSign('>'));
  if (!reader.isAtEnd) reader.refuse('expected > or the end');
  return stages;
}

function showValue(value: unknown): string {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return `[${(value as ArrayLike<unknown>).length}]`;
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

/**
 * A stage as text, without undefined parameters: 'nnm(f=2)'. `parseStages` reads it back, unless a parameter is a vector,
 * of which only the length is shown.
 */
export function stageText(stage: {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}): string {
  const given = Object.entries(stage.parameters).filter(([, value]) => value !== undefined);
  if (given.length === 0) return stage.name;
  return `${stage.name}(${given.map(([key, value]) => `${key}=${showValue(value)}`).join(', ')})`;
}
