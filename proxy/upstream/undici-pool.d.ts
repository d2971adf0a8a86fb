/** The package's index loads fetch, caches and WebSockets too: 3 MB of memory in every sidecar. */
declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici'
  export default Pool
}
