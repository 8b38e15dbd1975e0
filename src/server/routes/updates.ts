/**
 * PUT and GET /v1/sessions/:session/rounds/:round/updates/:node
 *
 * An update streams from the socket straight into the round's storage, without being buffered here.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type * as z from 'zod';
import type { Coordinator } from '../../coordinator/coordinator.js';
import { QuorateError } from '../../errors.js';
import { contentDigest } from '../../formats/contentDigest.js';
import { bytesPerValue, type UpdateFormat } from '../../formats/decoder.js';
import { updateFactsSchema } from '../../protocol/sessionConfig.js';
import { receiptSchema, type UpdateReceipt } from '../../protocol/views.js';
import { parse } from '../../schema.js';
import {
  announcedBytes,
  checkBody,
  chunksOf,
  contentDigestOf,
  openBody,
  refuseCompressed,
  tooLarge,
} from '../bodies/body.js';
import { parseJson } from '../bodies/json.js';
import { etagOf } from '../bodies/download.js';
import { FLAT, updateFormatOf, updateTypes } from '../bodies/mediaTypes.js';
import { checkPreconditions, type Etags, isConditional } from '../bodies/preconditions.js';
import { route } from '../http/route.js';
import { nullIf, roundNodePath } from './parameters.js';

/** Maximum size of a safetensors file's header. */
const MAX_HEADER_BYTES = 1_048_576;

const receiptContent = { 'application/json': receiptSchema };

export const putUpdate = route({
  method: 'PUT',
  path: '/v1/sessions/:session/rounds/:round/updates/:node',
  operation: 'putUpdate',
  tag: 'rounds',
  summary: "Send a node's update for a round",
  description:
    'Once the response arrives, the update is durable and counts in the round. Repeating the identical request is safe.',
  access: 'own-node',
  params: roundNodePath,
  bodyTypes: Object.fromEntries(updateTypes.map((type) => [type, null])),
  headers: {
    'Content-Digest': 'digest of the body (RFC 9530); verified',
    'Quorate-Num-Examples': 'number of examples that the update was trained on',
    'Quorate-Metrics': 'JSON object of metrics measured in training',
    'If-Match': 'ETag of the update that is to be sent again',
    'If-None-Match': '*, to refuse a repetition',
  },
  responses: {
    202: { description: 'The update is in the round', content: receiptContent },
    200: { description: 'The identical update was in the round already', content: receiptContent },
  },
  errors: [
    'UNKNOWN_SESSION',
    'UNKNOWN_NODE',
    'UNKNOWN_ROUND',
    'NOT_YOUR_NODE',
    'NOT_ASKED',
    'NODE_EXCLUDED',
    'ROUND_NOT_OPEN',
    'ROUND_CLOSED',
    'STALE_UPDATE',
    'BUFFER_HAS_UPDATE',
    'CONFLICTING_UPDATE',
    'WRONG_STATE',
    'NO_MODEL',
    'BAD_SHAPE',
    'BAD_TYPE',
    'NON_FINITE',
    'BAD_DIGEST',
    'PRECONDITION_FAILED',
    'INCOMPLETE_UPLOAD',
    'STORE_FULL',
  ],
  handle: async ({ ctx, params, services: { coordinator, config } }) => {
    const { req } = ctx;
    const format = updateFormatOf(req.headers['content-type']);
    refuseCompressed(req);
    const facts = factsOf(req);
    const { 'sha-256': sha256, ...others } = contentDigestOf(req);
    const { d } = coordinator.admitUpdate(params);
    if (isConditional(req)) checkPreconditions(req, await etagsOf(coordinator, params));
    const limitBytes = checkLength(announcedBytes(req), format, d);
    const body = openBody(ctx, { limitBytes, stallMs: config.limits.bodyStallMs });
    const receipt: UpdateReceipt = await coordinator.receiveUpdate({
      ...params,
      ...facts,
      format,
      bodyDigest: sha256 ?? null,
      givesChunks: true,
      body: others['sha-512'] ? checkBody(others, chunksOf(body)) : body,
    });
    // Another request with the same update was faster, and nothing has changed.
    if (receipt.repeated && isConditional(req)) checkPreconditions(req, await etagsOf(coordinator, params));
    ctx.status = receipt.repeated ? 200 : 202;
    ctx.body = receipt;
  },
});

/** The update that is there already. */
async function etagsOf(
  coordinator: Coordinator,
  { session, round, node }: z.output<typeof roundNodePath>,
): Promise<Etags> {
  const found = await coordinator
    .update(session, round, node)
    .catch(nullIf('UNKNOWN_UPDATE', 'UNKNOWN_ROUND'));
  return found && (found.digest === null ? [] : [etagOf({ digest: found.digest })]);
}

/** Plain decimal digits only: Number() reads '0x10', '1e3', '+1' and ' ' as well. @throws QuorateError INVALID_PARAMETER */
function decimalIn(text: string): number {
  if (/^(0|[1-9][0-9]{0,15})(\.[0-9]{1,20})?$/.test(text)) return Number(text);
  throw new QuorateError(
    'INVALID_PARAMETER',
    'headers: Quorate-Num-Examples must be a plain decimal number',
    {
      owner: 'headers',
      parameter: 'numExamples',
    },
  );
}

/** Parses the headers Quorate-Num-Examples and Quorate-Metrics. @throws QuorateError MALFORMED, INVALID_PARAMETER */
function factsOf({ headers }: IncomingMessage): z.output<typeof updateFactsSchema> {
  const examples = headers['quorate-num-examples'];
  const metrics = headers['quorate-metrics'];
  const given = {
    numExamples: examples === undefined ? null : decimalIn(String(examples)),
    metrics:
      metrics === undefined ? {} : parseJson(Buffer.from(String(metrics), 'latin1'), 'Quorate-Metrics'),
  };
  return parse('headers', updateFactsSchema, given);
}

/**
 * Checks Content-Length before anything is read.
 *
 * @param announced Content-Length, if there is one
 * @returns the maximum size of the body
 * @throws QuorateError BAD_SHAPE if it is too small, PAYLOAD_TOO_LARGE if it is too large
 */
function checkLength(announced: number | null, format: UpdateFormat, d: number): number {
  if (format.kind === 'safetensors') return d * 4 + MAX_HEADER_BYTES;
  const expected = d * bytesPerValue[format.kind];
  if (announced === null || announced === expected) return expected;
  if (announced > expected) throw tooLarge(expected);
  throw new QuorateError('BAD_SHAPE', `an update of ${d} values has ${expected} bytes, not ${announced}`, {
    expected,
    got: announced,
  });
}

export const getUpdate = route({
  method: 'GET',
  path: '/v1/sessions/:session/rounds/:round/updates/:node',
  operation: 'getUpdate',
  tag: 'rounds',
  summary: 'Download an update of a round, as float32',
  access: 'read',
  params: roundNodePath,
  headers: {
    'If-Match': 'ETag of the only update that is to be sent',
    'If-None-Match': 'ETag of an update that the client has',
  },
  responses: {
    200: {
      description: 'd float32 values, little-endian',
      content: { [FLAT]: null },
      headers: {
        'Content-Digest': 'digest of the values (RFC 9530), if known',
        ETag: 'the same digest, in hex',
      },
    },
    304: { description: 'The client has the update' },
  },
  errors: ['UNKNOWN_SESSION', 'UNKNOWN_ROUND', 'UNKNOWN_UPDATE', 'CORRUPT_FILE', 'PRECONDITION_FAILED'],
  handle: async ({ ctx, params, services }) => {
    const { sizeBytes, digest, bytes } = await services.coordinator.update(
      params.session,
      params.round,
      params.node,
    );
    if (digest !== null) ctx.set({ 'Content-Digest': contentDigest(digest), ETag: etagOf({ digest }) });
    if (checkPreconditions(ctx.req, digest === null ? [] : [etagOf({ digest })])) {
      ctx.remove('Content-Digest');
      ctx.status = 304;
      return;
    }
    ctx.body = Readable.from(bytes, { objectMode: false });
    ctx.set({ 'Content-Type': FLAT, 'Content-Length': String(sizeBytes) });
  },
});
