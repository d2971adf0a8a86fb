import 'sh-syntax/vendors/wasm_exec'
import { instantiateWasm, type WasmInstance, type WasmModule } from './web-assembly.ts'

/** What the package's own loader of WebAssembly puts into the global scope. */
interface GoRuntime {
  readonly importObject: unknown
  run(instance: WasmInstance): Promise<unknown>
}

/** What sh-syntax 0.7.0 exports; texts are an address, a length and a capacity. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly wasmAlloc: (bytes: number) => number
  readonly process: (...values: readonly (number | boolean)[]) => number
}

/**
 * The parser and printer of mvdan/sh, as sh-syntax has it. The package's own function is for callers that can
 * wait, and its tree says nothing of commands; what it prints is the script as it understood it.
 */
export class SyntaxPrinter {
  readonly #module: WasmModule

  constructor(module: WasmModule) {
    this.#module = module
  }

  /** The script in mvdan/sh's own form; undefined for one that it does not understand. */
  print(script: string): string | undefined {
    try {
      return this.#print(script)
    } catch {
      // A trap: too deep, or out of memory. The instance goes with it.
      return undefined
    }
  }

  #print(script: string): string | undefined {
    const { Go } = globalThis as unknown as { readonly Go: new () => GoRuntime }
    const go = new Go()
    const instance = instantiateWasm(this.#module, go.importObject)
    go.run(instance).catch(() => {
      // A program that ends by a trap says so a second time.
    })
    const { memory, wasmAlloc, process } = instance.exports as unknown as Exports
    const put = (text: string): readonly [number, number, number] => {
      const bytes = Buffer.from(text)
      const at = wasmAlloc(bytes.length)
      new Uint8Array(memory.buffer).set(bytes, at)
      return [at, bytes.length, bytes.length]
    }
    const [name, text, stopAt] = [put('script'), put(script), put('')]
    // print, keepComments, variant (bash), then: recover, simplify, indent, and the layout of the printer.
    const layout = [0, false, 0, false, false, false, false, false, false, false] as const
    const at = process(...name, ...text, true, false, 1, ...stopAt, ...layout)
    const whole = Buffer.from(memory.buffer)
    const json = whole.toString('utf8', at, whole.indexOf(0, at))
    const answer = JSON.parse(json) as { text?: string; parseError?: unknown; message?: string }
    if (answer.parseError || answer.message || typeof answer.text !== 'string') return undefined
    return answer.text
  }
}
