/**
 * PUT and GET /v1/sessions/:session/rounds/:round/updates/:node
 *
 * An update goes from the socket straight into the round; nothing of it is kept here.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import { QuorateError } from '../../errors.js';
import { bytesPerValue, type UpdateFormat } from '../../formats/decoder.js';
import { receiptSchema, type UpdateReceipt } from '../../protocol/views.js';
import { updateFactsSchema } from '../../protocol/sessionConfig.js';
import { announcedBytes, chunksOf, openBody, refuseCompressed, tooLarge } from '../bodies/body.js';
import { parse } from '../../schema.js';
import { contentDigest } from '../../formats/contentDigest.js';
import { checkBody, contentDigestOf } from '../bodies/requestDigest.js';
import { parseJson } from '../bodies/json.js';
import { FLAT, updateFormatOf, updateTypes } from '../bodies/mediaTypes.js';
import { route } from '../http/route.js';
import { roundNodePath } from './parameters.js';

/** Most bytes of a safetensors file beside its values. */
const HEADER_BYTES = 1_048_576;

const receipt = { 'application/json': receiptSchema };

export const putUpdate = route({
  method: 'PUT',
  path: '/v1/sessions/:session/rounds/:round/updates/:node',
  operation: 'putUpdate',
  tag: 'rounds',
  summary: 'Send the update that a node trained for a round',
  description: 'Once answered, the update is durable and in the round. The same again is answered as before.',
  access: 'own-node',
  params: roundNodePath,
  takes: Object.fromEntries(updateTypes.map((type) => [type, null])),
  headers: {
    'Content-Digest': 'of the body, RFC 9530; checked',
    'Quorate-Num-Examples': 'how many examples it was trained on',
    'Quorate-Metrics': 'JSON: what was measured in training',
  },
  answers: {
    202: { description: 'It is in the round.', content: receipt },
    200: { description: 'It was there already.', content: receipt },
  },
  problems: [
    'UNKNOWN_SESSION',
    'UNKNOWN_NODE',
    'UNKNOWN_ROUND',
    'NOT_YOUR_NODE',
    'NOT_ASKED',
    'NODE_EXCLUDED',
    'ROUND_NOT_OPEN',
    'ROUND_CLOSED',
    'STALE_UPDATE',
    'CONFLICTING_UPDATE',
    'WRONG_STATE',
    'NO_MODEL',
    'BAD_SHAPE',
    'BAD_TYPE',
    'NON_FINITE',
    'BAD_DIGEST',
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
    const limitBytes = checkLength(announcedBytes(req), format, d);
    const body = openBody(ctx, { limitBytes, stallMs: config.limits.bodyStallMs });
    const accepted: UpdateReceipt = await coordinator.receiveUpdate({
      ...params,
      ...facts,
      format,
      bodyDigest: sha256 ?? null,
      givesChunks: true,
      body: others['sha-512'] ? checkBody(others, chunksOf(body)) : body,
    });
    ctx.status = accepted.repeated ? 200 : 202;
    ctx.body = accepted;
  },
});

/** @throws QuorateError MALFORMED, INVALID_PARAMETER */
function factsOf({ headers }: IncomingMessage): z.output<typeof updateFactsSchema> {
  const examples = headers['quorate-num-examples'];
  const metrics = headers['quorate-metrics'];
  const given = {
    numExamples: examples === undefined ? null : Number(examples === '' ? NaN : examples),
    metrics:
      metrics === undefined ? {} : parseJson(Buffer.from(String(metrics), 'latin1'), 'Quorate-Metrics'),
  };
  return parse('headers', updateFactsSchema, given);
}

/**
 * What is announced must be right before anything is read.
 *
 * @returns most bytes of the body
 * @throws QuorateError BAD_SHAPE if too few are announced, PAYLOAD_TOO_LARGE if too many
 */
function checkLength(announced: number | null, format: UpdateFormat, d: number): number {
  if (format.kind === 'safetensors') return d * 4 + HEADER_BYTES;
  const expected = d * bytesPerValue[format.kind];
  if (announced === null || announced === expected) return expected;
  if (announced > expected) throw tooLarge(expected);
  throw new QuorateError(
    'BAD_SHAPE',
    `the update of ${d} values takes ${expected} bytes; ${announced} came`,
    {
      expected,
      got: announced,
    },
  );
}

export const getUpdate = route({
  method: 'GET',
  path: '/v1/sessions/:session/rounds/:round/updates/:node',
  operation: 'getUpdate',
  tag: 'rounds',
  summary: 'An update of a round that is kept, as float32',
  access: 'read',
  params: roundNodePath,
  answers: {
    200: {
      description: 'd float32, little-endian.',
      content: { [FLAT]: null },
      headers: { 'Content-Digest': 'if it is known, RFC 9530', ETag: 'the same, in hex' },
    },
  },
  problems: ['UNKNOWN_SESSION', 'UNKNOWN_ROUND', 'UNKNOWN_UPDATE', 'CORRUPT_FILE'],
  handle: async ({ ctx, params, services }) => {
    const { sizeBytes, digest, bytes } = await services.coordinator.update(
      params.session,
      params.round,
      params.node,
    );
    if (digest !== null) ctx.set({ 'Content-Digest': contentDigest(digest), ETag: `"${digest}"` });
    ctx.body = Readable.from(bytes, { objectMode: false });
    ctx.set({ 'Content-Type': FLAT, 'Content-Length': String(sizeBytes) });
  },
});
