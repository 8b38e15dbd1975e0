/** POST /v1/aggregate: aggregation without a session, for clients in any language. Nothing is stored. */
import type { Context } from 'koa';
import * as z from 'zod';
import { type Aggregate, aggregate as aggregateUpdates } from '../../aggregation/aggregate.js';
import { parsePipeline } from '../../aggregation/pipeline.js';
import { QuorateError } from '../../errors.js';
import { contentDigest } from '../../formats/contentDigest.js';
import { readSafetensors, writeSafetensors } from '../../formats/safetensors.js';
import { checkBytes, contentDigestOf, readBody } from '../bodies/body.js';
import { FLAT, JSON_TYPE, mediaTypeOf, requireMediaType, SAFETENSORS } from '../bodies/mediaTypes.js';
import { bytesOf } from '../../files/files.js';
import { route } from '../http/route.js';
import { wholeNumber } from './parameters.js';

const querySchema = z.strictObject({
  rule: z.string().min(1).max(1000).describe('the pipeline, such as nnm(f=2) > trimmed-mean(f=2)'),
  n: wholeNumber(
    1,
    16_777_216,
    'number of updates in the body; required for application/octet-stream',
  ).optional(),
  onNonFinite: z
    .enum(['refuse', 'exclude'])
    .default('refuse')
    .describe('refuse updates that hold NaN or infinities, or exclude them'),
});

const reportSchema = z
  .looseObject({ pipeline: z.string(), n: z.int(), d: z.int() })
  .describe('the report that the library returns');
const resultSchema = z.strictObject({
  value: z.array(z.number()),
  shape: z.array(z.int()),
  report: reportSchema,
});

/** Updates of equal length, and their common tensor shape. */
interface AggregateBody {
  readonly rows: readonly Float32Array[];
  readonly shape: readonly number[];
}

const resultTypes = [FLAT, SAFETENSORS, JSON_TYPE];

export const aggregateRoute = route({
  method: 'POST',
  path: '/v1/aggregate',
  operation: 'aggregate',
  tag: 'aggregate',
  summary: 'Aggregate updates without a session',
  description:
    'The body is either n × d float32 values, little-endian, with `?n=`, or a safetensors file with one tensor per ' +
    'update. The response is what `Accept` prefers: d float32 values, a safetensors file, or JSON with the full report.',
  access: 'read',
  query: querySchema,
  bodyTypes: { [FLAT]: null, [SAFETENSORS]: null },
  headers: { 'Content-Digest': 'digest of the body (RFC 9530); verified' },
  responses: {
    200: {
      description: 'The aggregate',
      content: { [FLAT]: null, [SAFETENSORS]: null, [JSON_TYPE]: resultSchema },
      headers: {
        'Quorate-Report': 'JSON with pipeline, n, d, used (number of updates used) and resultDigest',
        'Content-Digest': 'digest of the body (RFC 9530), for application/octet-stream',
      },
    },
  },
  errors: [
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
  handle: async ({ ctx, query, services: { config, engine, log, bodyBudget } }) => {
    const media = mediaTypeOf(ctx.req.headers['content-type']);
    requireMediaType(media, [FLAT, SAFETENSORS]);
    const digest = contentDigestOf(ctx.req);
    const pipeline = parsePipeline(query.rule);
    const { aggregateBytes, bodyStallMs } = config.limits;
    const bounds = { limitBytes: aggregateBytes, stallMs: bodyStallMs };
    const bytes = await readBody(ctx, bounds, bodyBudget, media.type !== FLAT);
    checkBytes(digest, bytes);
    const { rows, shape } =
      media.type === FLAT ? splitRows(bytes, query.n) : await tensorRows(bytes, query.n);
    log.debug({ n: rows.length, shape, rule: query.rule }, 'aggregating');
    const result = await aggregateUpdates(rows, pipeline, {
      onNonFinite: query.onNonFinite,
      signal: disconnectSignal(ctx),
      ...(engine ? { engine } : {}),
    });
    send(ctx, result, shape);
  },
});

/** Views of the body, one per update. @throws QuorateError INVALID_PARAMETER, EMPTY_INPUT, BAD_SHAPE */
function splitRows(bytes: Uint8Array<ArrayBuffer>, n: number | undefined): AggregateBody {
  if (n === undefined) {
    throw new QuorateError('INVALID_PARAMETER', `query: n is required with ${FLAT}`, { parameter: 'n' });
  }
  if (bytes.length === 0) throw new QuorateError('EMPTY_INPUT', 'the body is empty');
  if (bytes.length % (4 * n) !== 0) {
    throw new QuorateError('BAD_SHAPE', `${bytes.length} bytes cannot be split into ${n} float32 updates`, {
      got: bytes.length,
      n,
    });
  }
  const all = new Float32Array(bytes.buffer);
  const d = all.length / n;
  return { rows: Array.from({ length: n }, (_, i) => all.subarray(i * d, (i + 1) * d)), shape: [d] };
}

/** The file's tensors, sorted by name as a session sorts its nodes. @throws QuorateError as readSafetensors; BAD_SHAPE, EMPTY_INPUT */
async function tensorRows(bytes: Uint8Array, n: number | undefined): Promise<AggregateBody> {
  const { tensors } = await readSafetensors(bytes);
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (n !== undefined && n !== sorted.length) {
    throw new QuorateError('BAD_SHAPE', `the file holds ${sorted.length} updates, not ${n}`, {
      got: sorted.length,
      n,
    });
  }
  const [first] = sorted;
  if (!first) throw new QuorateError('EMPTY_INPUT', 'the file has no tensors');
  const { shape } = first;
  const other = sorted.find((tensor) => tensor.shape.join() !== shape.join());
  if (other) {
    throw new QuorateError(
      'BAD_SHAPE',
      `tensor '${other.name}' has shape [${other.shape.join()}], expected [${shape.join()}]`,
      {
        tensor: other.name,
        got: other.shape,
        expected: shape,
      },
    );
  }
  return { rows: sorted.map(({ values }) => values), shape };
}

/** Aborted when the client disconnects. */
function disconnectSignal(ctx: Context): AbortSignal {
  const disconnected = new AbortController();
  ctx.res.once('close', () => {
    disconnected.abort();
  });
  return disconnected.signal;
}

function send(ctx: Context, { value, report }: Aggregate, shape: readonly number[]): void {
  const { pipeline, n, d, rows, resultDigest = '' } = report;
  const used = rows.filter((row) => row.used).length;
  ctx.set('Quorate-Report', JSON.stringify({ pipeline, n, d, used, resultDigest }));
  ctx.vary('Accept');
  const type = ctx.accepts(...resultTypes);
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
