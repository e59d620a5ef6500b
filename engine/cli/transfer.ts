import type { Command } from 'commander';

import { collect } from './arguments.ts';
import type { ExitCode } from './exit.ts';
import type { TransferOptions } from './export.ts';
import type { MigrateOptions } from './migrate.ts';

/** What carries the contents of a store elsewhere. It is heavy, so it is loaded when it runs. */
export function addTransfer(program: Command, setOutcome: (code: ExitCode) => void): void {
	program
		.command('export <folder>')
		.description('write everything that the store holds into a folder of NDJSON')
		.option(
			'--passphrase-file <file>',
			'take secrets along, under the passphrase in it; - is standard input',
		)
		.option('--tenant <tenant>', 'only of this one, may be given many times', collect)
		.addHelpText(
			'after',
			`
Without a passphrase secrets are left out, and listed: they have to be entered again. An embedded store and PostgreSQL
are read as they are at one moment, while engines run; MongoDB while none runs. Interrupted, give it again: large
results that are there already are not copied once more.

Example:
  $ capscheduler export /backups/export --passphrase-file pass.txt`,
		)
		.action(async (folder: string, _options, command: Command) => {
			const { exportStore } = await import('./export.ts');
			setOutcome(await exportStore(folder, command.optsWithGlobals<TransferOptions>()));
		});
	program
		.command('import <folder>')
		.description('fill an empty store with an export, while no engine runs')
		.option('--passphrase-file <file>', 'that of the export; - is standard input')
		.addHelpText(
			'after',
			`
The store is that of the settings (CAPSCHEDULER_STORE, CAPSCHEDULER_DATA_DIR). All files are compared with the export
before anything is written, and what arrived at the end. Interrupted, it goes on when it is given again.

Example:
  $ CAPSCHEDULER_DATA_DIR=data2 capscheduler import /backups/export --passphrase-file pass.txt`,
		)
		.action(async (folder: string, _options, command: Command) => {
			const { importStore } = await import('./export.ts');
			setOutcome(await importStore(folder, command.optsWithGlobals<TransferOptions>()));
		});
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
