import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EscapeNeutraliser } from './neutralise-escapes.ts'

function neutralise(...pieces: readonly string[]): string {
  const neutraliser = new EscapeNeutraliser()
  return pieces.map((piece) => neutraliser.push(piece)).join('')
}

describe('EscapeNeutraliser passes on', () => {
  test.each([
    ['nothing', ''],
    ['text', 'hello wörld 日本 👩‍🚀'],
    ['ends of lines, tabs and backspaces', 'a\tb\r\nc\bd\ve\f'],
    ['colours', '\x1b[1;31mred\x1b[0m\x1b[38;2;1;2;3mx\x1b[4:3my\x1b[m'],
    ['movement', '\x1b[H\x1b[10;20H\x1b[5A\x1b[2K\x1b[J\x1b[3d\x1b[7G\x1b[1;5r'],
    ['erasing with a private mark', '\x1b[?J\x1b[?1K'],
    ['saving the cursor', '\x1b7\x1b8\x1b[s\x1b[u\x1bM\x1bD\x1bE'],
    ['the alternate screen', '\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l\x1b[?7;25h'],
    ['insert mode', '\x1b[4h\x1b[4l'],
    ['line drawing', '\x1b(0lqk\x1b(B\x0e\x0f'],
    ['scrolling', '\x1b[3S\x1b[T'],
  ])('%s', (_what, text) => {
    expect(neutralise(text)).toBe(text)
  })
})

describe('EscapeNeutraliser takes out', () => {
  test.each([
    ['the clipboard (OSC 52)', '\x1b]52;c;cm0gLXJmIC8=\x07', ''],
    ['the clipboard, ended by ST', '\x1b]52;c;cm0gLXJmIC8=\x1b\\', ''],
    ['the title', '\x1b]0;title\x07\x1b]2;title\x9c\x1bktitle\x1b\\', ''],
    ['a link', '\x1b]8;;http://example.com\x07text\x1b]8;;\x07', 'text'],
    ['a string of a device (DCS)', '\x1bP+q544e\x1b\\', ''],
    ['strings of programs (APC, PM, SOS)', '\x1b_Gx\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\', ''],
    ['device reports', '\x1b[c\x1b[0c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[?6n\x1bZ', ''],
    ['more reports', '\x1b[21t\x1b[x\x1b[?1$p\x1b[>q\x1b[?u\x1b[?S\x1b[1;1;1S\x1b[18t', ''],
    ['checksums of the screen', '\x1b[1;1;1;1;1;1*y', ''],
    ['answerback and bells', 'a\x05\x07b', 'ab'],
    ['the printer', '\x1b[5i\x1b[?5i', ''],
    ['windows', '\x1b[8;500;500t\x1b[22;0t', ''],
    ['the mouse and pasting', '\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?25;1000h\x1b[1;1;1;1;1T', ''],
    ['the keyboard', '\x1b=\x1b>\x1b[>4;2m\x1b[>1u\x1b[?1h\x1b[20h', ''],
    ['a held display', '\x1b[?2026h', ''],
    ['resets', '\x1bc\x1b[!p', ''],
    ['character sets that hide letters', '\x1b(>\x1b%@\x1b F', ''],
    ['8-bit controls', 'a\x9b31mb\x9d0;x\x07c\x90d\x85e', 'a31mb0;xcde'],
    ['NUL and DEL', 'a\0\x7fb', 'ab'],
    ['repetition', 'x\x1b[99999999b', 'x'],
    ['numbers that no screen has', '\x1b[999999A', ''],
    ['long parameters', `\x1b[${'1;'.repeat(500)}mx`, 'x'],
    ['writing turned round', 'a\u202eb\u2066c', 'a\ufffdb\ufffdc'],
    ['half a surrogate pair', 'a\ud83dx\ude00', 'a\ufffdx\ufffd'],
    ['a sequence that another one interrupts', '\x1b[3\x1b[1mx\x1b\x1b[0m', '\x1b[1mx\x1b[0m'],
    ['a sequence that is given up', '\x1b[3\x18mx\x1b]0;\x1ay', 'mxy'],
    ['a string that a sequence interrupts', '\x1b]0;t\x1b[1mx', '\x1b[1mx'],
  ])('%s', (_what, text, want) => {
    expect(neutralise(text)).toBe(want)
  })

  test('no text after a string without an end: it ends with the line', () => {
    expect(neutralise('\x1b]0;hidden\nrm -rf /\n')).toBe('\nrm -rf /\n')
    expect(neutralise('\x1b[31\nrm')).toBe('\nrm')
  })

  test('no more than 64 Ki characters with a string', () => {
    expect(neutralise(`\x1bP${'x'.repeat(64 * 1_024)}yrm -rf /`)).toBe('rm -rf /')
  })

  test('and counts', () => {
    const neutraliser = new EscapeNeutraliser()
    neutraliser.push('\x1b]52;c;x\x07\x1b[6n\x05ok\x1b[1m')
    expect(neutraliser.removed).toBe(3)
  })
})

/** Pieces of which sequences are made, so that a random text is not mostly letters. */
const units = fc.constantFrom(
  ...'\x1b[]P_^X?>!;:0159mHJKhlncqtu\\\x07\x9b\x9c\x9d\x90\x18\n\r\b\x05 (0k',
  ...['\x1b[', '\x1b]52;c;', '\x1b\\', '\x1b[?', '\ud83d', '\ude00', 'é', '\u202e'],
)
const texts = fc.array(units, { maxLength: 60 }).map((all) => all.join(''))

/** Everything that may stand in what is written. */
const SAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /^(?:[\x08-\x0f\x20-\x7e\u00a0-\ud7ff\ue000-\uffff]|[\ud800-\udbff][\udc00-\udfff]|\x1b[78DEHM]|\x1b[()][0AB]|\x1b\[\??[0-9;:]*[@A-Z`a-z])*$/
const DANGEROUS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /\x1b\[[0-9;:]*[bcginopqtvwxyz]|\x1b\[\?[0-9;:]*[^hlJK0-9;:]|\x1b\[\?(?:[0-9;]*;)?(?:1|9|100\d|2004|2026)[;hl]/

describe('EscapeNeutraliser, for any text,', () => {
  test('writes nothing but safe sequences', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const out = neutralise(text)
        expect(out).toMatch(SAFE)
        expect(out).not.toMatch(DANGEROUS)
      }),
      { numRuns: 2_000 },
    )
  })

  test('writes the same wherever the pieces end', () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(60), { maxLength: 8 }), (text, cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length]
        const pieces = places.map((from, at) => text.slice(from, places[at + 1] ?? text.length))
        expect(neutralise(...pieces)).toBe(neutralise(text))
        expect(neutralise(...Array.from(text, (one) => one))).toBe(neutralise(text))
      }),
      { numRuns: 1_000 },
    )
  })

  test('changes nothing the second time', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const once = neutralise(text)
        expect(neutralise(once)).toBe(once)
      }),
      { numRuns: 1_000 },
    )
  })
})
