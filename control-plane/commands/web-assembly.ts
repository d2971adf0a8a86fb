import { setFlagsFromString } from 'node:v8'

/** A compiled module, of which only its instances are used. */
export interface WasmModule {
  readonly compiled: unique symbol
}

export interface WasmInstance {
  readonly exports: unknown
}

/** What of the global WebAssembly is used: the types of the runtime do not have it. */
interface WebAssemblyGlobal {
  compile(bytes: Uint8Array): Promise<WasmModule>
  readonly Instance: new (module: WasmModule, imports: unknown) => WasmInstance
}

const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyGlobal }).WebAssembly

/**
 * Has all WebAssembly of the process compiled by V8's first compiler alone. The second takes half a gigabyte for one
 * function of the parser of shell syntax, more than a control plane may have.
 */
export function compileSparingly(): void {
  for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) {
    setFlagsFromString(flag)
  }
}

/** Compiles a module. Rejects what is none. */
export function compileWasm(bytes: Uint8Array): Promise<WasmModule> {
  return wasm.compile(bytes)
}

/** A new instance, with a memory of its own. Throws when its imports are missing. */
export function instantiateWasm(module: WasmModule, imports: unknown): WasmInstance {
  return new wasm.Instance(module, imports)
}
