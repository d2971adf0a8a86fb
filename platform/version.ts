import packageJson from '../package.json' with { type: 'json' }

/** Version of every process and of the chart. */
export const VERSION: string = packageJson.version
