import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'

export type { Counter, Gauge, Histogram } from '@prometheus-io/client'

/** Upper bounds in seconds; from a tenth of a millisecond, since a decision takes less than one. */
const SECONDS_BUCKETS = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5]

/** The metrics of one process; names carry base units and `_total` as Prometheus asks. */
export interface Metrics {
  counter<Label extends string>(
    name: string,
    help: string,
    labelNames?: readonly Label[],
  ): Counter<Label>
  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames?: readonly Label[],
  ): Gauge<Label>
  /** A gauge that is read when it is asked for. */
  measured(name: string, help: string, read: () => number | Promise<number>): void
  /** A counter of what is counted elsewhere, read when it is asked for; `read` never gives less than before. */
  counted(name: string, help: string, read: () => number): void
  /** A duration in seconds. */
  seconds<Label extends string>(
    name: string,
    help: string,
    labelNames?: readonly Label[],
  ): Histogram<Label>
  /** Prometheus text exposition. */
  text(): Promise<string>
  readonly contentType: string
}

/**
 * A registry of its own, with `lanyard_build_info` and the assertion counter in it. Labels must
 * come from small fixed sets: never a user, a pod or an id.
 */
export function createMetrics(process: string, version: string): Metrics {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({
    name: 'lanyard_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['process', 'version'],
    registers,
  }).set({ process, version }, 1)
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    registers,
    collect() {
      this.set(globalThis.process.memoryUsage.rss())
    },
  })
  return {
    counter: (name, help, labelNames = []) => new Counter({ name, help, labelNames, registers }),
    gauge: (name, help, labelNames = []) => new Gauge({ name, help, labelNames, registers }),
    measured(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await read())
        },
      })
    },
    counted(name, help, read) {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    },
    seconds: (name, help, labelNames = []) =>
      new Histogram({ name, help, labelNames, registers, buckets: SECONDS_BUCKETS }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
