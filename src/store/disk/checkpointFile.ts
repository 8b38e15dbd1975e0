/**
 * A checkpoint: a safetensors file that any reader of the format opens, named by its round and by its own SHA-256.
 *
 *   000000007-<SHA-256 of the file, hex>.safetensors
 *     __metadata__   format and version; then strings by name that hold JSON (checkpointMetadata.ts)
 *     the model's tensors, in their order
 *     optimizer.momentum, optimizer.variance: those that there are, [d] each
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { QuorateError } from '../../errors.js';
import { createAtomically } from '../../files/atomicFile.js';
import { bytesOf, corruptFile, type Files, onDisk, readFully, writeFully } from '../../files/files.js';
import {
  headerLength,
  LENGTH_BYTES,
  readSafetensorsHeader,
  safetensorsHeader,
  type SafetensorsHeader,
} from '../../formats/safetensorsHeader.js';
import { type StateVector, stateVectors } from '../../optimizers/serverOptimizer.js';
import type { SessionStatus } from '../../rounds/machine.js';
import { parse } from '../../schema.js';
import type { Checkpoint, CheckpointSummary } from '../store.js';
import { metadataSchema } from './checkpointMetadata.js';

const opening = { format: 'quorate-checkpoint', version: '2' };
const fileName = /^(\d{9,})-([0-9a-f]{64})\.safetensors$/;
const pieceBytes = 2 ** 20;

/** A file in the folder, by what its name says. */
export interface CheckpointName {
  readonly round: number;
  readonly digest: string;
  readonly name: string;
}

export function parseCheckpointName(name: string): CheckpointName | null {
  const parts = fileName.exec(name);
  return parts && { round: Number(parts[1]!), digest: parts[2]!, name };
}

interface CheckpointMetadata extends Omit<
  z.output<typeof metadataSchema>,
  'announcements' | 'record' | 'session'
> {
  readonly announcements: Checkpoint['announcements'];
  readonly record: unknown;
  readonly session: StoredSession | null;
}

/** What a checkpoint has of its session. */
export interface StoredSession {
  readonly id: string;
  readonly config: unknown;
  readonly createdAtMs: number;
}

/** What a file holds beside the checkpoint. */
export interface CheckpointOrigin {
  readonly session: StoredSession | null;
  /** From 1 on: greater than that of a file of the same round which this one replaces. */
  readonly revision: number;
}

/** What is known of a file that was read whole. */
export interface CheckpointFileSummary extends CheckpointSummary, CheckpointOrigin {
  /** The session's status once the round was committed, and the nodes that it knew. */
  readonly status: SessionStatus;
  readonly nodes: readonly string[];
}

/** @throws QuorateError STORE_FULL, STORE_FAILED; BAD_SHAPE if the tensors are not the model's */
export async function writeCheckpointFile(
  files: Files,
  folder: string,
  checkpoint: Checkpoint,
  { session, revision }: CheckpointOrigin,
): Promise<{ name: CheckpointName; summary: CheckpointFileSummary }> {
  const { round, createdAtMs, model, tensors, optimizer, state, record, batch } = checkpoint;
  const { announcements, eventsBefore } = checkpoint;
  const modelDigest = await digestOf(model);
  const vectors = nameVectors(checkpoint);
  const metadata: CheckpointMetadata = {
    round,
    createdAtMs,
    modelDigest,
    optimizer: optimizer && {
      step: optimizer.step,
      vectors: Object.fromEntries(vectors.map(({ vector, name }) => [vector, name])),
    },
    state,
    announcements,
    eventsBefore,
    record,
    session,
    revision,
    ...(batch === undefined ? {} : { batch }),
  };
  const header = safetensorsHeader(
    [...tensors, ...vectors.map(({ name, values }) => ({ name, shape: [values.length] }))],
    { ...opening, ...asTexts(metadata) },
  );
  const parts = [header, bytesOf(model), ...vectors.map(({ values }) => bytesOf(values))];
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (readSafetensorsHeader(header).dataBytes !== sizeBytes - header.length) {
    throw new QuorateError('BAD_SHAPE', `the tensors are not those of a model of ${model.length} values`, {
      got: model.length,
    });
  }
  let digest = '';
  const name = await createAtomically(files, folder, async (file) => {
    digest = await writeHashed(file, parts);
    return `${String(round).padStart(9, '0')}-${digest}.safetensors`;
  });
  return { name: { round, digest, name }, summary: summaryOf(metadata, sizeBytes) };
}

function summaryOf(metadata: CheckpointMetadata, sizeBytes: number): CheckpointFileSummary {
  const { round, createdAtMs, modelDigest, session, revision, state } = metadata;
  const nodes = Object.keys(state.nodes);
  return { round, createdAtMs, sizeBytes, modelDigest, session, revision, status: state.status, nodes };
}

/** The names of the optimizer's vectors among the tensors; a model may have a tensor of that name itself. */
function nameVectors({ tensors, optimizer }: Checkpoint) {
  const taken = new Set(tensors.map(({ name }) => name));
  return stateVectors.flatMap((vector) => {
    const values = optimizer?.vectors[vector];
    if (!values) return [];
    let name = `optimizer.${vector}`;
    while (taken.has(name)) name += '_';
    return [{ vector, name, values }];
  });
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
}

async function digestOf(vector: Float32Array): Promise<string> {
  const hash = createHash('sha256');
  for (const piece of piecesOf(bytesOf(vector))) {
    hash.update(piece);
    await new Promise(setImmediate); // a large model is not to keep everything else waiting
  }
  return hash.digest('hex');
}

async function writeHashed(file: FileHandle, parts: readonly Uint8Array[]): Promise<string> {
  const hash = createHash('sha256');
  let position = 0;
  for (const part of parts) {
    for (const piece of piecesOf(part)) {
      const writing = writeFully(file, piece, position);
      hash.update(piece);
      await writing;
      position += piece.length;
    }
  }
  return hash.digest('hex');
}

/** @throws QuorateError CORRUPT_FILE, STORE_FAILED */
export async function readCheckpointFile(
  files: Files,
  folder: string,
  checkpoint: CheckpointName,
): Promise<Checkpoint> {
  const file = await readVerified(files, folder, checkpoint, (values) => new Float32Array(values));
  const { round, createdAtMs, optimizer, state, announcements, eventsBefore, record, batch } = file.metadata;
  const vectors: Partial<Record<StateVector, Float32Array>> = {};
  for (const vector of stateVectors) {
    const at = file.header.tensors.findIndex((tensor) => tensor.name === optimizer?.vectors[vector]);
    if (at >= 0) vectors[vector] = file.parts[1 + at - file.modelTensors]!;
  }
  return {
    round,
    createdAtMs,
    tensors: file.header.tensors.slice(0, file.modelTensors).map(({ name, shape }) => ({ name, shape })),
    model: file.parts[0]!,
    optimizer: optimizer && { step: optimizer.step, vectors },
    state,
    announcements,
    eventsBefore,
    record,
    ...(batch === undefined ? {} : { batch }),
  };
}

/** Reads the whole file to prove it, and keeps nothing of it but this. @throws QuorateError CORRUPT_FILE, STORE_FAILED */
export async function summarizeCheckpointFile(
  files: Files,
  folder: string,
  name: CheckpointName,
): Promise<CheckpointFileSummary> {
  const { metadata, header } = await readVerified(files, folder, name, () => null);
  return summaryOf(metadata, header.dataOffset + header.dataBytes);
}

interface Verified<Part> {
  readonly metadata: CheckpointMetadata;
  readonly header: SafetensorsHeader;
  /** How many of the tensors are the model's: the first ones. */
  readonly modelTensors: number;
  /** The model, then each of the optimizer's vectors. */
  readonly parts: readonly Part[];
}

/** @param allocate room for so many values, or null to drop them */
async function readVerified<Part extends Float32Array | null>(
  files: Files,
  folder: string,
  { name, digest, round }: CheckpointName,
  allocate: (values: number) => Part,
): Promise<Verified<Part>> {
  const path = join(folder, name);
  return onDisk('read', path, async () => {
    const file = await files.open(path, 'r');
    try {
      const hash = createHash('sha256');
      const { size } = await file.stat();
      const headerBytes = await readHeader(file, size, path);
      hash.update(headerBytes);
      const { header, metadata, modelTensors } = understand(headerBytes, size, path);
      const model = header.tensors.slice(0, modelTensors);
      const counts = [
        model.reduce((sum, { values }) => sum + values, 0),
        ...header.tensors.slice(modelTensors).map(({ values }) => values),
      ];
      const scratch = new Uint8Array(pieceBytes);
      const parts: Part[] = [];
      let position = headerBytes.length;
      for (const count of counts) {
        const part = allocate(count);
        parts.push(part);
        for (let from = 0; from < count * 4; from += pieceBytes) {
          const to = Math.min(from + pieceBytes, count * 4);
          const piece = part ? bytesOf(part).subarray(from, to) : scratch.subarray(0, to - from);
          await readFully(file, piece, position);
          hash.update(piece);
          position += piece.length;
        }
      }
      if (hash.digest('hex') !== digest || metadata.round !== round) {
        throw corruptFile(path, 'its SHA-256 is not that of its name');
      }
      return { header, metadata, modelTensors, parts };
    } finally {
      await file.close();
    }
  });
}

async function readHeader(file: FileHandle, size: number, path: string): Promise<Uint8Array> {
  if (size < LENGTH_BYTES) throw corruptFile(path, `it has ${size} bytes`);
  const start = new Uint8Array(LENGTH_BYTES);
  await readFully(file, start, 0);
  const bytes = new Uint8Array(
    LENGTH_BYTES + asCorrupt(path, () => headerLength(start, size - LENGTH_BYTES)),
  );
  await readFully(file, bytes, 0);
  return bytes;
}

/** What the header says, before the SHA-256 has proved it: anything may be wrong with it. */
function understand(bytes: Uint8Array, size: number, path: string) {
  return asCorrupt(path, () => {
    const header = readSafetensorsHeader(bytes);
    if (header.dataOffset + header.dataBytes !== size) throw new Error(`it has ${size} bytes`);
    if (header.tensors.some(({ format: { kind } }) => kind !== 'f32')) throw new Error('not all is float32');
    const { format, version } = header.metadata;
    if (format !== opening.format) throw new Error('it is no checkpoint');
    if (version !== opening.version)
      throw new Error(`its version is ${version}; ${opening.version} can be read`);
    const metadata = fromTexts(header.metadata);
    const modelTensors = header.tensors.length - Object.keys(metadata.optimizer?.vectors ?? {}).length;
    if (modelTensors < 0) throw new Error('it has too few tensors');
    return { header, metadata, modelTensors };
  });
}

function asCorrupt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw corruptFile(path, error instanceof Error ? error.message : String(error));
  }
}

function asTexts(metadata: CheckpointMetadata): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]: [string, unknown]) => [key, JSON.stringify(value ?? null)]),
  );
}

function fromTexts(texts: Readonly<Record<string, string>>): CheckpointMetadata {
  const values = Object.entries(texts).filter(([key]) => !Object.hasOwn(opening, key));
  return parse(
    '__metadata__',
    metadataSchema,
    Object.fromEntries(values.map(([key, text]) => [key, JSON.parse(text) as unknown])),
  );
}
