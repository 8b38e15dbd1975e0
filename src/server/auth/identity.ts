/**
 * Who asks, and what they may do.
 *
 *   admin       everything
 *   node        reads everything; writes as itself alone
 *   enrollment   registers new nodes, nothing else
 *   anonymous   what is public
 *
 * Without auth everybody is the admin.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Coordinator } from '../../coordinator/coordinator.js';
import { QuorateError } from '../../errors.js';
import { isAuthOn, type ServerConfig } from '../config/config.js';

export type Identity =
  | { readonly kind: 'admin' }
  | { readonly kind: 'enrollment' }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'node'; readonly id: string };

/** What a route asks for. `register` and `own-node` compare a node's token with the node that is spoken of. */
export type Access = 'public' | 'read' | 'register' | 'own-node' | 'admin';

/** Who may do what: all of it is here. */
export function authorize(access: Access, identity: Identity, node?: string): void {
  if (access === 'public' || identity.kind === 'admin') return;
  if (identity.kind === 'anonymous') throw new QuorateError('UNAUTHORIZED', 'a token is needed');
  if (access === 'register' && identity.kind === 'enrollment') return;
  if (identity.kind !== 'node') throw forbidden('the enrollment token');
  if (access === 'admin') throw forbidden(`the token of the node '${identity.id}'`);
  if (access !== 'read' && identity.id !== node) {
    throw new QuorateError('NOT_YOUR_NODE', `this token belongs to the node '${identity.id}'`, {
      owner: identity.id,
      node: node ?? null,
    });
  }
}

const forbidden = (token: string) => new QuorateError('FORBIDDEN', `${token} does not allow this`);

const hash = (token: string): Buffer => createHash('sha256').update(token).digest();

export class Auth {
  readonly isOn: boolean;
  /** Only if auth is on and none was configured: to be shown once to whoever starts the server. */
  readonly madeToken: string | null;
  private readonly coordinator: Coordinator;
  private readonly secrets: readonly { kind: 'admin' | 'enrollment'; hash: Buffer }[];

  constructor(config: ServerConfig, coordinator: Coordinator) {
    const { adminToken, enrollmentToken } = config.auth;
    this.isOn = isAuthOn(config);
    this.madeToken = this.isOn && adminToken === null ? randomBytes(32).toString('base64url') : null;
    this.coordinator = coordinator;
    const admin = adminToken ?? this.madeToken;
    this.secrets = [
      ...(admin === null ? [] : [{ kind: 'admin' as const, hash: hash(admin) }]),
      ...(enrollmentToken === null ? [] : [{ kind: 'enrollment' as const, hash: hash(enrollmentToken) }]),
    ];
  }

  /** @throws QuorateError UNAUTHORIZED for an unknown token, or something else than a bearer token */
  identify(authorization: string | undefined): Identity {
    if (!this.isOn) return { kind: 'admin' };
    if (authorization === undefined) return { kind: 'anonymous' };
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization)?.[1];
    if (token === undefined) {
      throw new QuorateError('UNAUTHORIZED', 'Authorization must be: Bearer, a space, and the token');
    }
    return this.identifyToken(token);
  }

  /** @throws QuorateError UNAUTHORIZED */
  identifyToken(token: string): Identity {
    if (!this.isOn) return { kind: 'admin' };
    const given = hash(token);
    const secret = this.secrets.find((one) => timingSafeEqual(one.hash, given));
    if (secret) return secret.kind === 'admin' ? { kind: 'admin' } : { kind: 'enrollment' };
    const id = this.coordinator.nodeOfToken(token);
    if (id === null) throw new QuorateError('UNAUTHORIZED', 'the token is not known');
    return { kind: 'node', id };
  }
}
