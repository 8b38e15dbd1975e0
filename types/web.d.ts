/**
 * What pages and Node both have and neither JavaScript's own types nor Node's name; TypeScript has it beside the DOM
 * (tsconfig.pages.json).
 */
declare namespace WebAssembly {
  type Imports = Record<string, Record<string, Memory | ((...parameters: number[]) => number)>>;
  type ExportValue = Memory | ((...parameters: number[]) => unknown);

  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
    readonly [Symbol.toStringTag]: string;
  }
  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Record<string, ExportValue>;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }

  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
  function instantiate(
    bytes: Uint8Array<ArrayBuffer>,
    imports?: Imports,
  ): Promise<{ readonly module: Module; readonly instance: Instance }>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
}

type SubtleCrypto = typeof globalThis.crypto.subtle;

interface RequestInit {
  readonly cache?: 'no-store';
}
