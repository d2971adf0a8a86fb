import { describe, expect, test } from 'vitest'
import { hasOpenHatch, isHatched } from './hatches.ts'
import { splitList } from './word.ts'

const isOpen = (line: string) => {
  const [program = '', ...words] = splitList(line)
  expect(isHatched(program)).toBe(true)
  return hasOpenHatch(program, words)
}

describe('hasOpenHatch()', () => {
  test.each([
    ['a whole option', 'sort --compress-program=rm x'],
    ['a beginning of it', 'sort --c=rm x'],
    ['its value in the next word', 'tar --use rm -xf a'],
    ['a beginning that other options have too', 'split --f rm x'],
    ['behind operands', 'sdiff a b --diff-p=rm'],
    ['a letter', 'curl -K file'],
    ['a letter behind others', 'curl -fsSLo /etc/x y'],
    ['a letter behind one with a value', 'wget -q -e x'],
    ['letters without a dash', 'tar cIf rm a b'],
    ['a remote shell', 'cpio --rsh=rm -F h:x'],
    ['a helper of archives', 'tar --rm=x -xf h:y'],
    ['an option with one dash', 'nmap -script x'],
    ['a beginning of an object', 'ip net exec x rm'],
    ['another of it', 'ip v exec x rm'],
    ['a subcommand that is not known', 'git foo'],
    ['a subcommand that runs code', 'git rebase main'],
    ['an option before the subcommand', 'git -c alias.x=!rm x'],
    ['one that is not known', 'npm --script-shell rm ls'],
    ['a transport that is a program', 'git clone ext::rm'],
    ['the same as a value', 'git fetch --x=foo::y'],
    ['a short name of an option', 'git clone -u rm x'],
    ['hooks from elsewhere', 'git clone --template=/tmp/x y'],
    ['a beginning of an option of git', 'git fetch --upload-p=rm x'],
    ['a pager', 'git grep -nOrm x'],
    ['an interpreter by an option', 'pip --pyth rm list'],
    ['macros', 'rpm -q --def x'],
    ['macros by a letter', 'rpm -qD x'],
    ['another action', 'dpkg -i x'],
    ['scripts in a database', 'redis-cli -h x eVaL y'],
    ['a command that a lock holds', 'etcdctl lock x rm'],
    ['a preprocessor', 'rg --pre rm x'],
    ['a command for each file', 'fd -HX rm'],
    ['a plugin', 'kubectl foo'],
    ['another configuration', 'kubectl --kubeconfig=/tmp/x get pods'],
    ['an alias', 'gh alias set x y'],
    ['what is handed on', 'gh repo clone x -- -u rm'],
    ['any word', 'java -jar x'],
    ['a library of anybody', 'ldd /tmp/x'],
    ['a file that sets values', 'sysctl -p x'],
  ])('sees %s: %s', (_, line) => {
    expect(isOpen(line)).toBe(true)
  })

  test.each(
    [
      ...['sort -k2 -rn x', 'sort --check x', 'tar -czf a.tgz b', 'tar xf a', 'tar -fIndex -x'],
      ...[
        'tar --exclude=x -cf a b',
        'curl -fsSL https://x',
        'curl -H Accept:x -d @y z',
        'wget -q x',
      ],
      ...['git status', 'git --no-pager log', 'git commit -m x', 'git switch -c x', 'git add -u'],
      ...['git push -u origin main', 'git clone https://x/y', 'git clone git@x:y', 'git log -S x'],
      ...['kubectl get pods', 'kubectl -n team get pods -o wide', 'kubectl --context=x logs y'],
      ...['helm list', 'helm -n team history x', 'npm ls', 'pip list', 'apt list', 'apk info'],
      ...[
        'dpkg -l',
        'dpkg -L x',
        'rpm -qa',
        'rpm -qi x',
        'systemctl status x',
        'go env',
        'ip addr',
      ],
      ...['ip -br a', 'rg x', 'fd -e ts x', 'bat x', 'java -version', 'jq .a x', 'less x', 'tee x'],
      ...['redis-cli get x', 'gh pr list', 'docker ps', 'ldd /bin/ls', 'sysctl -a', 'nc -z h 1'],
    ].map((line) => [line]),
  )('lets %s be', (line) => {
    expect(isOpen(line)).toBe(false)
  })
})

test.each(['ls', 'sh', 'python3', 'constructor'])('isHatched() does not have %s', (program) => {
  expect(isHatched(program)).toBe(false)
})
