/** The library's own parameters, so that one literal serves both the library and the reference. */
export interface ReferenceParameters {
  readonly f?: number;
  readonly weights?: ArrayLike<number>;
  readonly step?: number;
  readonly neighbors?: number;
  readonly m?: number;
  readonly pivot?: number;
  readonly tolerance?: number;
  readonly maxIterations?: number;
  readonly iterations?: number;
  readonly tau?: number;
  readonly previous?: ArrayLike<number>;
  readonly s?: number;
  readonly seed?: number;
  readonly c?: number;
}

/** The same, of a rule with a Byzantine bound. */
export type Bounded = ReferenceParameters & { readonly f: number };
