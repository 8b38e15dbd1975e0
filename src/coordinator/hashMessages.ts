/** What the coordinator and its hash thread say to each other. */

/** Chunks of one update, in order, and then what becomes of it. */
export type ToHashThread =
  | { readonly id: number; readonly chunk: Uint8Array }
  | { readonly id: number; readonly end: 'answer' | 'forget' };

export type FromHashThread =
  /** SHA-256 of the update's chunks. */
  | { readonly id: number; readonly hex: string }
  /** So much has been hashed since this was last said. */
  | { readonly doneBytes: number };
