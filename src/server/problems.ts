/** Which codes a route may answer with: its own, and those that come with what it takes. */
import { type ErrorCode, errorCodes } from '../errors.js';
import type { Access } from './auth.js';
import type { Route } from './route.js';

const ofAccess: Readonly<Record<Access, readonly ErrorCode[]>> = {
  public: [],
  read: ['UNAUTHORIZED', 'FORBIDDEN'],
  register: ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_YOUR_NODE'],
  'own-node': ['UNAUTHORIZED', 'FORBIDDEN', 'NOT_YOUR_NODE'],
  admin: ['UNAUTHORIZED', 'FORBIDDEN'],
};

const ofBodies: readonly ErrorCode[] = [
  'MALFORMED',
  'UNSUPPORTED_MEDIA_TYPE',
  'PAYLOAD_TOO_LARGE',
  'INCOMPLETE_UPLOAD',
];

/** In the order of the table of codes. */
export function problemsOf(route: Route): ErrorCode[] {
  const takesParameters = route.params !== undefined || route.query !== undefined;
  const takesBody = route.body !== undefined || route.takes !== undefined;
  const found = new Set<ErrorCode>([
    ...route.problems,
    ...ofAccess[route.access],
    ...(takesParameters || takesBody ? (['INVALID_PARAMETER'] as const) : []),
    ...(takesBody ? ofBodies : []),
    ...(route.method === 'GET' ? [] : (['FORBIDDEN'] as const)), // of a page of another origin
    ...(route.always ? [] : (['RATE_LIMITED', 'SHUTTING_DOWN'] as const)),
    'UNKNOWN_PARAMETER',
    'INTERNAL',
  ]);
  return (Object.keys(errorCodes) as ErrorCode[]).filter((code) => found.has(code));
}
