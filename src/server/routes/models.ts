/** Uploading a session's initial model, and downloading the models that are kept. */
import type { Context } from 'koa';
import * as z from 'zod';
import type { Model, StoredModel } from '../../coordinator/session/models.js';
import { QuorateError } from '../../errors.js';
import { readSafetensors } from '../../formats/safetensors.js';
import { modelViewSchema } from '../../protocol/views.js';
import { checkBytes, contentDigestOf, readBody } from '../bodies/body.js';
import { etagOf, sendDownload } from '../bodies/download.js';
import { FLAT, mediaTypeOf, requireMediaType, SAFETENSORS } from '../bodies/mediaTypes.js';
import { checkPreconditions, isConditional } from '../bodies/preconditions.js';
import { modelTypes, preferredType, represent } from '../bodies/representations.js';
import { type MediaTypes, route, type RouteResponse, type Services } from '../http/route.js';
import { nullIf, roundPath, sessionPath } from './parameters.js';

const modelFiles: MediaTypes = { [SAFETENSORS]: null, [FLAT]: null };

export const putModel = route({
  method: 'PUT',
  path: '/v1/sessions/:session/model',
  operation: 'putModel',
  tag: 'models',
  summary: 'Upload the initial model of a session',
  description:
    'A safetensors file, or d float32 values, little-endian, which become a single tensor named `model`.',
  access: 'admin',
  params: sessionPath,
  bodyTypes: modelFiles,
  headers: {
    'Content-Digest': 'digest of the body (RFC 9530); verified',
    'If-Match': 'ETag of a representation of the model that is to be replaced',
    'If-None-Match': '*, to set a model only if there is none',
  },
  responses: { 200: { description: 'The model', content: { 'application/json': modelViewSchema } } },
  errors: [
    'UNKNOWN_SESSION',
    'WRONG_STATE',
    'BAD_SHAPE',
    'BAD_TYPE',
    'EMPTY_INPUT',
    'NON_FINITE',
    'BAD_DIGEST',
    'PRECONDITION_FAILED',
  ],
  handle: async ({ ctx, params, services: { coordinator, config, engine, bodyBudget } }) => {
    const media = mediaTypeOf(ctx.req.headers['content-type']);
    requireMediaType(media, Object.keys(modelFiles));
    const digest = contentDigestOf(ctx.req);
    const { status } = coordinator.session(params.session); // throws before the body is read
    const condition = async (current: StoredModel | null) =>
      void checkPreconditions(ctx.req, current && (await etagsOf(current, engine)));
    // Known before the body is read; and again when the model is set, since others may set one meanwhile.
    if (isConditional(ctx.req) && status === 'created') {
      await condition(await coordinator.model(params.session).catch(nullIf('NO_MODEL')));
    }
    const { modelBytes, bodyStallMs } = config.limits;
    const bounds = { limitBytes: modelBytes, stallMs: bodyStallMs };
    const bytes = await readBody(ctx, bounds, bodyBudget, media.type !== FLAT);
    checkBytes(digest, bytes);
    const model = media.type === FLAT ? flatModel(bytes) : await modelOf(bytes);
    ctx.body = await coordinator.setModel(params.session, model, condition);
  },
});

/** @throws QuorateError BAD_SHAPE, EMPTY_INPUT */
function flatModel(bytes: Uint8Array<ArrayBuffer>): Model {
  if (bytes.length % 4 !== 0) {
    throw new QuorateError('BAD_SHAPE', `${bytes.length} bytes are not a whole number of float32 values`, {
      got: bytes.length,
    });
  }
  const values = new Float32Array(bytes.buffer);
  return { tensors: [{ name: 'model', shape: [values.length] }], values };
}

/** The tensors in the order of the file. @throws QuorateError as readSafetensors; EMPTY_INPUT */
async function modelOf(bytes: Uint8Array): Promise<Model> {
  const { tensors } = await readSafetensors(bytes);
  const values =
    tensors.length > 0 ? new Float32Array(tensors[0]!.values.buffer as ArrayBuffer) : new Float32Array(0);
  if (values.length === 0) throw new QuorateError('EMPTY_INPUT', 'the model has no values');
  return { tensors: tensors.map(({ name, shape }) => ({ name, shape })), values };
}

/** The ETags of all representations; those that overflow 16 bits don't exist. */
async function etagsOf(model: StoredModel, engine: Services['engine']): Promise<string[]> {
  const all = modelTypes.map((type) => represent(model, type, engine).catch(nullIf('NON_FINITE_RESULT')));
  return (await Promise.all(all)).flatMap((download) => (download ? [etagOf(download)] : []));
}

/** Sends the representation that Accept prefers, with support for conditional and range requests. */
async function sendModel(ctx: Context, model: StoredModel, { engine }: Services): Promise<void> {
  ctx.set('Quorate-Round', String(model.round));
  sendDownload(ctx, await represent(model, preferredType(ctx), engine));
}

const content: MediaTypes = Object.fromEntries(modelTypes.map((type) => [type, null]));
const downloadResponses: Readonly<Record<number, RouteResponse>> = {
  200: {
    description: 'The whole model',
    content,
    headers: {
      ETag: 'SHA-256 of this representation, in hex',
      'Content-Digest': 'the same digest (RFC 9530)',
      'Quorate-Round': 'the round that produced the model; 0 for the initial one',
    },
  },
  206: { description: 'The requested range', content, headers: { 'Content-Range': 'its position' } },
  304: { description: 'The model has not changed', headers: { 'Quorate-Round': 'as for 200' } },
};
const downloadHeaders = {
  'If-Match': 'ETag of the only model that is to be sent',
  'If-None-Match': 'ETag of a model that the client has',
  Range: 'a single byte range',
  'If-Range': 'ETag of a partial download, to resume it only if the model is unchanged',
};

export const getModel = route({
  method: 'GET',
  path: '/v1/sessions/:session/model',
  operation: 'getModel',
  tag: 'models',
  summary: 'Download the newest model',
  access: 'read',
  params: sessionPath,
  headers: downloadHeaders,
  responses: downloadResponses,
  errors: [
    'UNKNOWN_SESSION',
    'NO_MODEL',
    'PRECONDITION_FAILED',
    'RANGE_NOT_SATISFIABLE',
    'NON_FINITE_RESULT',
  ],
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
  summary: 'List the models that are kept',
  access: 'read',
  params: sessionPath,
  responses: {
    200: {
      description: 'The models, by ascending round',
      content: { 'application/json': z.strictObject({ checkpoints: z.array(checkpointSchema) }) },
    },
  },
  errors: ['UNKNOWN_SESSION'],
  handle: async ({ ctx, params, services }) => {
    ctx.body = { checkpoints: await services.coordinator.checkpoints(params.session) };
  },
});

export const getCheckpoint = route({
  method: 'GET',
  path: '/v1/sessions/:session/checkpoints/:round',
  operation: 'getCheckpoint',
  tag: 'models',
  summary: 'Download the model that a round produced; round 0 is the initial model',
  access: 'read',
  params: roundPath,
  headers: downloadHeaders,
  responses: downloadResponses,
  errors: [
    'UNKNOWN_SESSION',
    'UNKNOWN_ROUND',
    'PRECONDITION_FAILED',
    'RANGE_NOT_SATISFIABLE',
    'NON_FINITE_RESULT',
  ],
  handle: async ({ ctx, params, services }) => {
    await sendModel(ctx, await services.coordinator.model(params.session, params.round), services);
  },
});
