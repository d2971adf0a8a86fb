import { expect, test } from 'vitest'
import { shellLines, shellText } from './shell-text.ts'

test.each([
  [
    ['kubectl', 'wait', '--for=jsonpath={.status.ready}=1'],
    'kubectl wait --for=jsonpath={.status.ready}=1',
  ],
  [['sh', '-c', 'echo $HOME'], "sh -c 'echo $HOME'"],
  [['echo', "it's", ''], "echo 'it'\\''s' ''"],
  [['node', '-e', '\nconst a = 1\nconst b = 2\n'], "node -e 'const a = 1 …'"],
])('shellText() of %j can be typed', (argv, want) => expect(shellText(argv)).toBe(want))

test('shellLines() gives each flag a line', () => {
  expect(shellLines(['helm', 'install', 'x', '--set', 'a=1', '--wait'])).toBe(
    'helm install x \\\n    --set a=1 \\\n    --wait',
  )
})
