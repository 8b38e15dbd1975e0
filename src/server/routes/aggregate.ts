/** POST /v1/aggregate: the core by itself, for any language that can send bytes. Nothing is kept. */
import type { Context } from 'koa';
import { z } from 'zod';
import { type Aggregate, aggregate as aggregateUpdates } from '../../aggregation/aggregate.js';
import { QuorateError } from '../../errors.js';
import { contentDigest } from '../../formats/contentDigest.js';
import { readSafetensors, writeSafetensors } from '../../formats/safetensors.js';
import { parsePipeline } from '../../aggregation/pipeline.js';
import { readBody } from '../bodies/body.js';
import { checkBytes, contentDigestOf } from '../bodies/requestDigest.js';
import { FLAT, JSON_TYPE, mediaTypeOf, requireMediaType, SAFETENSORS } from '../bodies/mediaTypes.js';
import { bytesOf } from '../bodies/representations.js';
import { route } from '../http/route.js';
import { wholeNumberParameter } from './parameters.js';

const querySchema = z.strictObject({
  rule: z.string().min(1).max(1000).describe("'nnm(f=2) > trimmed-mean(f=2)'"),
  n: wholeNumberParameter(1, 16_777_216, 'how many updates the octets are').optional(),
  onNonFinite: z.enum(['refuse', 'exclude']).default('refuse').describe('what to do with NaN and infinities'),
});

const reportSchema = z
  .looseObject({ pipeline: z.string(), n: z.int(), d: z.int() })
  .describe('as the library reports');
const resultSchema = z.strictObject({
  value: z.array(z.number()),
  shape: z.array(z.int()),
  report: reportSchema,
});

/** Rows of one length, and the shape that they have. */
interface AggregateBody {
  readonly rows: readonly Float32Array[];
  readonly shape: readonly number[];
}

const offered = [FLAT, SAFETENSORS, JSON_TYPE];

export const aggregateRoute = route({
  method: 'POST',
  path: '/v1/aggregate',
  operation: 'aggregate',
  tag: 'aggregate',
  summary: 'Aggregate updates, outside of any session',
  description:
    'n × d float32 numbers, little-endian, with ?n=, or a safetensors file with one tensor an update. Answers with ' +
    'what `Accept` prefers: d float32 numbers, a safetensors file, or JSON with the full report.',
  access: 'read',
  query: querySchema,
  takes: { [FLAT]: null, [SAFETENSORS]: null },
  headers: { 'Content-Digest': 'of the body, RFC 9530; checked' },
  answers: {
    200: {
      description: 'The aggregate.',
      content: { [FLAT]: null, [SAFETENSORS]: null, [JSON_TYPE]: resultSchema },
      headers: {
        'Quorate-Report': 'JSON: pipeline, n, d, used, resultDigest',
        'Content-Digest': 'of the octets, RFC 9530',
      },
    },
  },
  problems: [
    'UNKNOWN_RULE',
    'TOO_FEW_UPDATES',
    'EMPTY_INPUT',
    'BAD_SHAPE',
    'BAD_TYPE',
    'NON_FINITE',
    'NON_FINITE_RESULT',
    'ZERO_WEIGHT',
    'SEARCH_TOO_LARGE',
    'MEMORY_LIMIT',
    'BAD_DIGEST',
    'INCOMPLETE_UPLOAD',
  ],
  handle: async ({ ctx, query, services: { config, engine, log, room } }) => {
    const media = mediaTypeOf(ctx.req.headers['content-type']);
    requireMediaType(media, [FLAT, SAFETENSORS]);
    const digest = contentDigestOf(ctx.req);
    const pipeline = parsePipeline(query.rule);
    const { aggregateBytes, bodyStallMs } = config.limits;
    const bounds = { limitBytes: aggregateBytes, stallMs: bodyStallMs };
    const bytes = await readBody(ctx, bounds, room, media.type !== FLAT);
    checkBytes(digest, bytes);
    const { rows, shape } = media.type === FLAT ? cutRows(bytes, query.n) : await namedRows(bytes, query.n);
    log.debug({ n: rows.length, shape, rule: query.rule }, 'aggregating');
    const result = await aggregateUpdates(rows, pipeline, {
      onNonFinite: query.onNonFinite,
      signal: goneSignal(ctx),
      ...(engine ? { engine } : {}),
    });
    send(ctx, result, shape);
  },
});

/** @throws QuorateError INVALID_PARAMETER, EMPTY_INPUT, BAD_SHAPE */
function cutRows(bytes: Uint8Array<ArrayBuffer>, n: number | undefined): AggregateBody {
  if (n === undefined) {
    throw new QuorateError('INVALID_PARAMETER', `query: n is needed with ${FLAT}`, { parameter: 'n' });
  }
  if (bytes.length === 0) throw new QuorateError('EMPTY_INPUT', 'the body is empty');
  if (bytes.length % (4 * n) !== 0) {
    throw new QuorateError('BAD_SHAPE', `${bytes.length} bytes are not ${n} updates of float32 numbers`, {
      got: bytes.length,
      n,
    });
  }
  const all = new Float32Array(bytes.buffer);
  const d = all.length / n;
  return { rows: Array.from({ length: n }, (_, i) => all.subarray(i * d, (i + 1) * d)), shape: [d] };
}

/** In the order of their names, as in a session. @throws QuorateError BAD_SHAPE, and what a malformed file is refused with */
async function namedRows(bytes: Uint8Array, n: number | undefined): Promise<AggregateBody> {
  const { tensors } = await readSafetensors(bytes);
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (n !== undefined && n !== sorted.length) {
    throw new QuorateError('BAD_SHAPE', `the file has ${sorted.length} updates, not ${n}`, {
      got: sorted.length,
      n,
    });
  }
  const [first] = sorted;
  if (!first) throw new QuorateError('EMPTY_INPUT', 'the file has no tensors');
  const { shape } = first;
  const other = sorted.find((tensor) => tensor.shape.join() !== shape.join());
  if (other) {
    throw new QuorateError('BAD_SHAPE', `'${other.name}' is [${other.shape.join()}], not [${shape.join()}]`, {
      tensor: other.name,
      got: other.shape,
      expected: shape,
    });
  }
  return { rows: sorted.map(({ values }) => values), shape };
}

/** Nobody waits any more. */
function goneSignal(ctx: Context): AbortSignal {
  const gone = new AbortController();
  ctx.res.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}

function send(ctx: Context, { value, report }: Aggregate, shape: readonly number[]): void {
  const { pipeline, n, d, rows, resultDigest = '' } = report;
  const used = rows.filter((row) => row.used).length;
  ctx.set('Quorate-Report', JSON.stringify({ pipeline, n, d, used, resultDigest }));
  ctx.vary('Accept');
  const type = ctx.accepts(...offered);
  if (type === JSON_TYPE) {
    ctx.body = { value: Array.from(value), shape, report };
  } else if (type === SAFETENSORS) {
    const file = writeSafetensors([{ name: 'aggregate', shape, values: value }], {
      report: JSON.stringify(report),
    });
    ctx.set('Content-Type', SAFETENSORS);
    ctx.body = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  } else {
    const bytes = bytesOf(value);
    ctx.set({ 'Content-Type': FLAT, 'Content-Digest': contentDigest(resultDigest) });
    ctx.body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
