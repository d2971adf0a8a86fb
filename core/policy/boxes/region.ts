import { Fault } from '../../fault.ts'
import { type Box, boxHolds, boxWithout, commonBox, hasPoint, type Point } from './box.ts'

/** A union of boxes, which may share points. No box is no request. */
export type Region = readonly Box[]

/** More boxes than people could read; without a bound a difference could take all memory. */
export const REGION_BOXES_MAX = 20_000

/** Whether a point is in a region. */
export function regionHas(region: Region, point: Point): boolean {
  return region.some((box) => hasPoint(box, point))
}

/** What is in any of the regions. A box that another one holds is left out. */
export function unionOfRegions(...regions: readonly Region[]): Region {
  const kept: Box[] = []
  for (const box of regions.flat()) {
    if (kept.some((other) => boxHolds(other, box))) continue
    for (let index = kept.length - 1; index >= 0; index -= 1) {
      const other = kept[index]
      if (other !== undefined && boxHolds(box, other)) kept.splice(index, 1)
    }
    kept.push(box)
  }
  return kept
}

/** What is in both regions. Throws `overloaded` where that takes more boxes than are kept. */
export function commonRegion(one: Region, other: Region): Region {
  const found: Box[] = []
  for (const box of one) {
    for (const second of other) {
      const both = commonBox(box, second)
      if (both !== undefined) found.push(both)
    }
    checkSize(found)
  }
  return unionOfRegions(found)
}

/** What is in one region and not in the other. Throws `overloaded` where that takes more boxes than are kept. */
export function regionWithout(one: Region, other: Region): Region {
  let rest = one
  for (const box of other) {
    rest = rest.flatMap((piece) => boxWithout(piece, box))
    checkSize(rest)
  }
  return unionOfRegions(rest)
}

/** A box of requests that are in one region and not in the other; undefined when there is no such request. */
export function boxOutside(one: Region, other: Region): Box | undefined {
  for (const box of one) {
    const found = pieceOutside(box, other, 0)
    if (found !== undefined) return found
  }
  return undefined
}

/** Depth first: most questions are answered by the first piece, without making all of them. */
function pieceOutside(box: Box, region: Region, from: number): Box | undefined {
  for (let index = from; index < region.length; index += 1) {
    const other = region[index]
    if (other === undefined || commonBox(box, other) === undefined) continue
    for (const piece of boxWithout(box, other)) {
      const found = pieceOutside(piece, region, index + 1)
      if (found !== undefined) return found
    }
    return undefined
  }
  return box
}

function checkSize(boxes: readonly unknown[]): void {
  if (boxes.length <= REGION_BOXES_MAX) return
  throw new Fault(
    'overloaded',
    `The rules cut each other into more than ${REGION_BOXES_MAX} pieces; ask about fewer policies together`,
  )
}
