/**
 * Authentication and authorization.
 *
 *   admin        everything
 *   node         reads everything, writes only as itself
 *   enrollment   registers new nodes, nothing else
 *   anonymous    public routes
 *
 * If tokens are not required, every client is the admin.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Coordinator } from '../../coordinator/coordinator.js';
import { QuorateError } from '../../errors.js';
import { isAuthOn, type ServerConfig } from '../config/config.js';

/** Who sent a request. */
export type Identity =
  | { readonly kind: 'admin' }
  | { readonly kind: 'enrollment' }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'node'; readonly id: string };

/** What a route requires. `register` and `own-node` admit a node's token only for the node that the request names. */
export type Access = 'public' | 'read' | 'register' | 'own-node' | 'admin';

/**
 * The access rules of all routes.
 *
 * @param node the node that the request acts for
 * @throws QuorateError UNAUTHORIZED without a token; FORBIDDEN, NOT_YOUR_NODE with one that does not suffice
 */
export function authorize(access: Access, identity: Identity, node?: string): void {
  if (access === 'public' || identity.kind === 'admin') return;
  if (identity.kind === 'anonymous') throw new QuorateError('UNAUTHORIZED', 'a token is required');
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

/** Resolves tokens to identities. Tokens are compared as hashes, in constant time. */
export class Auth {
  /** Whether requests need a token. */
  readonly isOn: boolean;
  /** The admin token generated because auth is on and none is configured; else null. */
  readonly generatedToken: string | null;
  private readonly coordinator: Coordinator;
  private readonly secrets: readonly { kind: 'admin' | 'enrollment'; hash: Buffer }[];

  constructor(config: ServerConfig, coordinator: Coordinator) {
    const { adminToken, enrollmentToken } = config.auth;
    this.isOn = isAuthOn(config);
    this.generatedToken = this.isOn && adminToken === null ? randomBytes(32).toString('base64url') : null;
    this.coordinator = coordinator;
    const admin = adminToken ?? this.generatedToken;
    this.secrets = [
      ...(admin === null ? [] : [{ kind: 'admin' as const, hash: hash(admin) }]),
      ...(enrollmentToken === null ? [] : [{ kind: 'enrollment' as const, hash: hash(enrollmentToken) }]),
    ];
  }

  /**
   * @param authorization the header's value
   * @throws QuorateError UNAUTHORIZED if it is not a bearer token, or the token is unknown
   */
  identify(authorization: string | undefined): Identity {
    if (!this.isOn) return { kind: 'admin' };
    if (authorization === undefined) return { kind: 'anonymous' };
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization)?.[1];
    if (token === undefined) {
      throw new QuorateError('UNAUTHORIZED', "the header Authorization must be 'Bearer' and a token");
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
    if (id === null) throw new QuorateError('UNAUTHORIZED', 'unknown token');
    return { kind: 'node', id };
  }
}
