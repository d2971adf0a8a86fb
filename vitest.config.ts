import { defineConfig } from 'vitest/config'

const ROOMS = '{core,platform,proto,api,proxy,sidecar,control-plane,injector,cli,deploy,bench}'

/** A message holds what was seen: a summary of a run shows no more than the message. */
const chaiConfig = { truncateThreshold: 4_000 }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            `${ROOMS}/**/*.test.ts`,
            'test/tidy.test.ts',
            'test/docs.test.ts',
            'test/{cluster,conformance,setup,support,demo,programs,examples}/**/*.test.ts',
          ],
          // A property takes a second by itself, and many on a machine that others use as well.
          testTimeout: 30_000,
          chaiConfig,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/{contract,integration,failure}/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          chaiConfig,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/cluster-setup.ts'],
          // One real cluster at a time: two would share two cores.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 1_800_000,
          chaiConfig,
        },
      },
    ],
  },
})
