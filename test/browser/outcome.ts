/** What a page has to say at its end. */
export interface Outcome {
  readonly isolated: boolean;
  readonly threads: number;
  /** By case: the SHA-256 of the result, and what the report says it is. */
  readonly digests: Record<string, { readonly computed: string; readonly reported: string | undefined }>;
}

/** What the page (page.ts) has. @param entry the library's address; @param names of cases */
export type Run = (entry: string, names: readonly string[]) => Promise<Outcome>;
