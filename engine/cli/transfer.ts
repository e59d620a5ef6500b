import type { Command } from 'commander';

import type { ExitCode } from './exit.ts';
import type { MigrateOptions } from './migrate.ts';

/** What carries the contents of a store elsewhere. It is heavy, so it is loaded when it runs. */
export function addTransfer(program: Command, setOutcome: (code: ExitCode) => void): void {
	program
		.command('migrate')
		.description('move everything from one store to another, while no engine runs')
		.option('--from <store>', 'sqlite, sqlite:<data folder>, postgres://... or mongodb://...')
		.option('--to <store>', 'an empty one')
		.option('--release <store>', 'take a store that was moved elsewhere into use again')
		.addHelpText(
			'after',
			`
Refused while an engine works on either. Interrupted, it goes on when it is given again. At the end both sides are
compared; then the new store is open for engines, and the old one is closed to them: its occurrences belong to the new.

Example:
  $ capscheduler migrate --from sqlite:./data --to postgres://cap:secret@db:5432/cap`,
		)
		.action(async (_options, command: Command) => {
			const { migrateStore } = await import('./migrate.ts');
			setOutcome(await migrateStore(command.optsWithGlobals<MigrateOptions>()));
		});
}
