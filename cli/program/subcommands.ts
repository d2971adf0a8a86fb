import type { Command } from 'commander'
import { addApprovals } from '../approvals/approvals-subcommands.ts'
import { addAudit } from '../audit/audit-subcommand.ts'
import { addBackup } from '../backup/backup-subcommand.ts'
import { addCanI } from '../can-i/can-i-subcommand.ts'
import { addChain } from '../chain/chain-subcommand.ts'
import { addCheck } from '../check/check-subcommand.ts'
import type { Start } from '../command/start.ts'
import { addCompletion } from '../completion/completion-subcommand.ts'
import { addExplain } from '../explain/explain-subcommand.ts'
import { addNotifications } from '../notifications/notifications-subcommand.ts'
import { addPolicy } from '../policy/policy-subcommand.ts'
import { addReplay } from '../replay/replay-subcommand.ts'
import { addReset } from '../reset/reset-subcommand.ts'
import { addRevoke } from '../revoke/revoke-subcommand.ts'
import { addSessions } from '../sessions/sessions-subcommand.ts'
import { addVersion } from '../version/version-subcommand.ts'
import { addWhoCan } from '../who-can/who-can-subcommand.ts'

/** Adds every command; `name` is how the program is called, `start` runs one. */
export function addSubcommands(program: Command, name: string, start: Start): void {
  addChain(program, name, start)
  addAudit(program, name, start)
  addExplain(program, name, start)
  addApprovals(program, name, start)
  addSessions(program, name, start)
  addPolicy(program, name, start)
  addCanI(program, name, start)
  addWhoCan(program, name, start)
  addReplay(program, name, start)
  addNotifications(program, name, start)
  addCheck(program, name, start)
  addBackup(program, name, start)
  addReset(program, name, start)
  addRevoke(program, name, start)
  addVersion(program, name, start)
  addCompletion(program, name, start)
}
