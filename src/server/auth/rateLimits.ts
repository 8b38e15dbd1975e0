/** How often one may ask: nodes with a token are counted by their name, everybody else by address. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { QuorateError } from '../../errors.js';
import type { Identity } from './identity.js';
import type { ServerConfig } from '../config/config.js';

const limiter = (points: number | null) =>
  points === null ? null : new RateLimiterMemory({ points, duration: 60 });

export class RateLimits {
  private readonly addresses: RateLimiterMemory | null;
  private readonly nodes: RateLimiterMemory | null;

  constructor({ address, node }: ServerConfig['limits']['requestsPerMinute']) {
    this.addresses = limiter(address);
    this.nodes = limiter(node);
  }

  /** @throws QuorateError RATE_LIMITED with `details.retryAfterMs` */
  async count(identity: Identity, address: string): Promise<void> {
    if (identity.kind === 'node') await consume(this.nodes, identity.id, 'this node');
    else await this.countAddress(address);
  }

  /** For whoever is nobody known. @throws QuorateError RATE_LIMITED */
  async countAddress(address: string): Promise<void> {
    await consume(this.addresses, address, 'this address');
  }
}

async function consume(limits: RateLimiterMemory | null, key: string, who: string): Promise<void> {
  try {
    await limits?.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw new QuorateError('RATE_LIMITED', `too many requests from ${who}`, {
      retryAfterMs: error.msBeforeNext,
    });
  }
}
