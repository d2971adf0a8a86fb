import { describe, expect, test } from 'vitest'
import { parseRequestInfo } from './request-info.ts'

const POD = '/api/v1/namespaces/d/pods/p'
const infoOf = (query: string) => parseRequestInfo('GET', `${POD}/${query}`, undefined)

describe('checkTunnelParameters()', () => {
  test.each([
    ['kubectl exec -it', 'exec?command=sh&container=app&stdin=true&stdout=true&tty=true'],
    ['kubectl exec --request-timeout=30s', 'exec?command=id&stderr=true&stdout=true&timeout=30s'],
    ['kubectl exec --env (1.37)', 'exec?command=id&env=LANG%3DC&env=A%3D&stdout=true'],
    ['kubectl attach', 'attach?container=app&stdin=true&stdout=true&tty=true'],
    ['kubectl port-forward', 'portforward'],
    [
      'the Python client',
      'exec?command=%2Fbin%2Fsh&command=-c&stderr=True&stdin=False&stdout=True&tty=False',
    ],
    [
      'the JavaScript client',
      'exec?stdout=true&stderr=true&stdin=false&tty=false&command=ls&container=app',
    ],
    ['the Java client', 'attach?stdin=true&tty=false&container=app&stdout=true&stderr=true'],
    ['the JavaScript and Java clients', 'portforward?ports=80'],
    ['kr8s', 'portforward?name=p&namespace=d&ports=80&_preload_content=false'],
    ['an empty pair', 'exec?command=ls&&stdout=1&'],
    ['nothing', 'exec'],
  ])('takes what %s sends', (_name, query) => {
    expect(infoOf(query).target).toContain(POD)
  })

  test.each([
    ['a parameter of another request', 'exec?command=ls&follow=true', 'follow', 'leave it out'],
    ['one that is not known', 'attach?stdin=1&user=root', 'user', 'leave it out'],
    ['another case', 'exec?Command=ls', 'Command', 'write "command"'],
    ['another case of attach', 'attach?STDIN=true', 'STDIN', 'write "stdin"'],
    ['a form of lists', 'exec?command[]=ls', 'command[]', 'leave it out'],
    ['a blank behind the name', 'exec?command%20=ls', 'command ', 'leave it out'],
    ['a name that is encoded', 'exec?%65nvFrom=x', 'envFrom', 'leave it out'],
    ['no name', 'exec?=ls', '', 'leave it out'],
    ['a dry run', 'exec?command=ls&dryRun=All', 'dryRun', 'leave it out'],
  ])('refuses %s by its name', (_name, query, parameter, instead) => {
    const act = () => infoOf(query)
    expect(act).toThrow(expect.objectContaining({ code: 'request_invalid' }))
    expect(act).toThrow(`The query parameter ${JSON.stringify(parameter)} is not one of`)
    expect(act).toThrow(new RegExp(instead))
  })

  test.each([
    'KUBERNETES_EXEC_AUDIT_ID%3Dx',
    'KUBERNETES_EXEC_AUDIT_ID',
    'kubernetes_exec_audit_id%3Dx',
    '%20KUBERNETES_EXEC_AUDIT_ID%20%3Dx',
  ])('refuses the reserved variable as %s', (env) => {
    expect(() => infoOf(`exec?command=ls&env=A%3D1&env=${env}`)).toThrow(
      /sets KUBERNETES_EXEC_AUDIT_ID, which only kube-apiserver may set/,
    )
  })

  test('shows no more than the beginning of a long name', () => {
    expect(() => infoOf(`exec?${'x'.repeat(500)}=1`)).toThrow(`"${'x'.repeat(64)}" is not one of`)
  })

  test.each([
    ['a semicolon', 'exec?command=ls;tty=1'],
    ['a broken escape', 'exec?command=%zz'],
    ['text that is not UTF-8', 'exec?command=%ff'],
  ])('refuses %s as everywhere', (_name, query) => {
    expect(() => infoOf(query)).toThrow(expect.objectContaining({ code: 'request_invalid' }))
  })

  test('says nothing of requests that open no tunnel', () => {
    expect(infoOf('log?color=red').query).toEqual([['color', 'red']])
  })
})
