/** Rate limits per minute. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { QuorateError } from '../../errors.js';
import type { ServerConfig } from '../config/config.js';
import { clientKey } from '../config/addresses.js';
import type { Identity } from './identity.js';

const WINDOW_S = 60;

const limiter = (points: number | null) =>
  points === null ? null : new RateLimiterMemory({ points, duration: WINDOW_S });

/** Counts requests: of a node with a token by its name, of anyone else by address, or by /64 of an IPv6 address. */
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

  /** For clients that could not be identified. @throws QuorateError RATE_LIMITED with `details.retryAfterMs` */
  async countAddress(address: string): Promise<void> {
    await consume(this.addresses, clientKey(address), 'this address');
  }
}

async function consume(limits: RateLimiterMemory | null, key: string, subject: string): Promise<void> {
  try {
    await limits?.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw new QuorateError('RATE_LIMITED', `too many requests from ${subject}`, {
      // The library counts by the wall clock, which may have been set back; its windows end by timers.
      retryAfterMs: Math.min(error.msBeforeNext, WINDOW_S * 1000),
    });
  }
}
