import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairTurns, type Share } from './fair-turns.ts'

const share = (root: string, pod = root): Share => ({ root, pod })

function takeAll<Item>(turns: FairTurns<Item>): Item[] {
  const taken: Item[] = []
  for (let item = turns.take(); item !== undefined; item = turns.take()) taken.push(item)
  return taken
}

test('FairTurns takes one of each root requester, and of those one of each pod', () => {
  const turns = new FairTurns<string>()
  for (const item of ['a1', 'a2', 'a3', 'a4']) turns.add(share('alice', 'a'), item)
  turns.add(share('alice', 'b'), 'b1')
  turns.add(share('bob'), 'bob1')
  expect(takeAll(turns)).toEqual(['a1', 'bob1', 'b1', 'a2', 'a3', 'a4'])
  expect(turns.size).toBe(0)
})

test('FairTurns passes over whoever may have no turn', () => {
  const turns = new FairTurns<string>()
  turns.add(share('alice'), 'a')
  turns.add(share('bob'), 'b')
  expect(turns.take((root) => root !== 'alice')).toBe('b')
  expect(turns.take(() => false)).toBeUndefined()
  expect(turns.size).toBe(1)
})

test('FairTurns gives everything back once, each pod in its order, and counts right', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, name), { maxLength: 60 }), (added) => {
      const turns = new FairTurns<readonly [string, string, number]>()
      added.forEach(([root, pod], number) => {
        turns.add({ root, pod }, [root, pod, number])
      })
      expect(turns.size).toBe(added.length)
      const ofA = added.filter(([root]) => root === 'a')
      expect(turns.sizeOfRoot('a')).toBe(ofA.length)
      expect(turns.sizeOfPod({ root: 'a', pod: 'b' })).toBe(
        ofA.filter(([, pod]) => pod === 'b').length,
      )
      const taken = takeAll(turns)
      expect(taken.map(([, , number]) => number).sort((x, y) => x - y)).toEqual([...added.keys()])
      for (const [root, pod] of taken) {
        const own = taken.filter((one) => one[0] === root && one[1] === pod)
        const numbers = own.map(([, , number]) => number)
        expect(numbers).toEqual([...numbers].sort((x, y) => x - y))
      }
    }),
  )
})

test('FairTurns never lets one root requester have two turns while another waits', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(counts, (sizes) => {
      const turns = new FairTurns<number>()
      sizes.forEach((size, root) => {
        for (let made = 0; made < size; made += 1) turns.add(share(String(root)), root)
      })
      const taken = takeAll(turns)
      sizes.forEach((size, root) => {
        const last = taken.lastIndexOf(root)
        expect(last).toBeLessThan(sizes.reduce((sum, other) => sum + Math.min(other, size), 0))
      })
    }),
  )
})
