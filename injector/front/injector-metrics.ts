import type { Counter, Histogram, Metrics } from '../../platform/metrics.ts'

export interface InjectorMetrics {
  readonly reviews: Counter<'webhook' | 'result'>
  readonly strangers: Counter
  readonly duration: Histogram<'webhook'>
}

/** Registers what the injector counts. Names follow the conventions of Prometheus. */
export function createInjectorMetrics(metrics: Metrics): InjectorMetrics {
  return {
    reviews: metrics.counter('lanyard_injector_reviews_total', 'Admission requests answered.', [
      'webhook',
      'result',
    ]),
    strangers: metrics.counter(
      'lanyard_injector_strangers_total',
      'Requests of others than kube-apiserver.',
    ),
    duration: metrics.seconds(
      'lanyard_injector_review_duration_seconds',
      'Time to answer an admission request.',
      ['webhook'],
    ),
  }
}
