/** The first IPv4 address of its own, loopback aside, in a network's `fib_trie`. Throws for none. */
export function localAddress(fibTrie: string): string {
  const locals = fibTrie.matchAll(/\|-- (\d+\.\d+\.\d+\.\d+)\n\s+\/32 host LOCAL/g)
  for (const [, address] of locals) {
    if (address !== undefined && !address.startsWith('127.')) return address
  }
  throw new Error('The network has no address of its own')
}
