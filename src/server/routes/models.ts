/** The models of a session: the initial one on its way in, all that are kept on their way out. */
import type { Context } from 'koa';
import { z } from 'zod';
import type { Model, StoredModel } from '../../coordinator/session/models.js';
import { QuorateError } from '../../errors.js';
import { readSafetensors } from '../../formats/safetensors.js';
import { modelViewSchema } from '../../protocol/views.js';
import { readBody } from '../bodies/body.js';
import { sendDownload } from '../bodies/download.js';
import { FLAT, mediaTypeOf, requireMediaType, SAFETENSORS } from '../bodies/mediaTypes.js';
import { modelTypes, preferredType, represent } from '../bodies/representations.js';
import { checkBytes, contentDigestOf } from '../bodies/requestDigest.js';
import { type RouteAnswer, type MediaTypes, route, type Services } from '../http/route.js';
import { roundPath, sessionPath } from './parameters.js';

const modelFiles: MediaTypes = { [SAFETENSORS]: null, [FLAT]: null };

export const putModel = route({
  method: 'PUT',
  path: '/v1/sessions/:session/model',
  operation: 'putModel',
  tag: 'models',
  summary: 'Give a session its initial model',
  description: 'A safetensors file, or d float32 numbers, little-endian, which are then one tensor `model`.',
  access: 'admin',
  params: sessionPath,
  takes: modelFiles,
  headers: { 'Content-Digest': 'of the body, RFC 9530; checked' },
  answers: { 200: { description: 'What it is.', content: { 'application/json': modelViewSchema } } },
  problems: [
    'UNKNOWN_SESSION',
    'WRONG_STATE',
    'BAD_SHAPE',
    'BAD_TYPE',
    'EMPTY_INPUT',
    'NON_FINITE',
    'BAD_DIGEST',
  ],
  handle: async ({ ctx, params, services: { coordinator, config, room } }) => {
    const media = mediaTypeOf(ctx.req.headers['content-type']);
    requireMediaType(media, Object.keys(modelFiles));
    const digest = contentDigestOf(ctx.req);
    coordinator.session(params.session); // before its model is read
    const { modelBytes, bodyStallMs } = config.limits;
    const bounds = { limitBytes: modelBytes, stallMs: bodyStallMs };
    const bytes = await readBody(ctx, bounds, room, media.type !== FLAT);
    checkBytes(digest, bytes);
    const model = media.type === FLAT ? flatModel(bytes) : await modelOf(bytes);
    ctx.body = await coordinator.setModel(params.session, model);
  },
});

/** @throws QuorateError BAD_SHAPE, EMPTY_INPUT */
function flatModel(bytes: Uint8Array<ArrayBuffer>): Model {
  if (bytes.length % 4 !== 0) {
    throw new QuorateError('BAD_SHAPE', `${bytes.length} bytes are no float32 numbers`, {
      got: bytes.length,
    });
  }
  const values = new Float32Array(bytes.buffer);
  return { tensors: [{ name: 'model', shape: [values.length] }], values };
}

async function modelOf(bytes: Uint8Array): Promise<Model> {
  const { tensors } = await readSafetensors(bytes);
  const values =
    tensors.length > 0 ? new Float32Array(tensors[0]!.values.buffer as ArrayBuffer) : new Float32Array(0);
  if (values.length === 0) throw new QuorateError('EMPTY_INPUT', 'the model has no values');
  return { tensors: tensors.map(({ name, shape }) => ({ name, shape })), values };
}

/** What the client likes best, with everything that lets it ask only for what it has not yet. */
async function sendModel(ctx: Context, model: StoredModel, { engine }: Services): Promise<void> {
  ctx.set('Quorate-Round', String(model.round));
  sendDownload(ctx, await represent(model, preferredType(ctx), engine));
}

const content: MediaTypes = Object.fromEntries(modelTypes.map((type) => [type, null]));
const downloadAnswers: Readonly<Record<number, RouteAnswer>> = {
  200: {
    description: 'The whole model.',
    content,
    headers: {
      ETag: 'SHA-256 of these bytes, in hex',
      'Content-Digest': 'the same, RFC 9530',
      'Quorate-Round': 'the round that made the model; 0: the initial one',
    },
  },
  206: { description: 'A part of it.', content, headers: { 'Content-Range': 'which' } },
  304: { description: 'It is the one that you have.', headers: { 'Quorate-Round': 'as above' } },
};
const downloadHeaders = {
  'If-None-Match': 'ETag of the model that you have',
  Range: 'one range of bytes',
  'If-Range': 'ETag of the model that you have the beginning of',
};

export const getModel = route({
  method: 'GET',
  path: '/v1/sessions/:session/model',
  operation: 'getModel',
  tag: 'models',
  summary: 'The newest model',
  access: 'read',
  params: sessionPath,
  headers: downloadHeaders,
  answers: downloadAnswers,
  problems: ['UNKNOWN_SESSION', 'NO_MODEL', 'RANGE_NOT_SATISFIABLE', 'NON_FINITE_RESULT'],
  handle: async ({ ctx, params, services }) => {
    await sendModel(ctx, await services.coordinator.model(params.session), services);
  },
});

const checkpointSchema = z.strictObject({
  round: z.int(),
  createdAtMs: z.number(),
  sizeBytes: z.int(),
  modelDigest: z.string(),
});

export const listCheckpoints = route({
  method: 'GET',
  path: '/v1/sessions/:session/checkpoints',
  operation: 'listCheckpoints',
  tag: 'models',
  summary: 'The models that are kept',
  access: 'read',
  params: sessionPath,
  answers: {
    200: {
      description: 'Ascending by round.',
      content: { 'application/json': z.strictObject({ checkpoints: z.array(checkpointSchema) }) },
    },
  },
  problems: ['UNKNOWN_SESSION'],
  handle: async ({ ctx, params, services }) => {
    ctx.body = { checkpoints: await services.coordinator.checkpoints(params.session) };
  },
});

export const getCheckpoint = route({
  method: 'GET',
  path: '/v1/sessions/:session/checkpoints/:round',
  operation: 'getCheckpoint',
  tag: 'models',
  summary: 'The model that a round made; 0 is the initial one',
  access: 'read',
  params: roundPath,
  headers: downloadHeaders,
  answers: downloadAnswers,
  problems: ['UNKNOWN_SESSION', 'UNKNOWN_ROUND', 'RANGE_NOT_SATISFIABLE', 'NON_FINITE_RESULT'],
  handle: async ({ ctx, params, services }) => {
    await sendModel(ctx, await services.coordinator.model(params.session, params.round), services);
  },
});
