import { Command, CommanderError, Option } from 'commander';

import { CapError } from '../contract/errors.ts';
import { ConfigError } from '../config.ts';
import { VERSION } from '../version.ts';
import { addCalendars } from './calendars.ts';
import { addCapabilities } from './capabilities.ts';
import { addDeadLetters } from './dead-letters.ts';
import { addDestinations } from './destinations.ts';
import { CliError, EXIT, EXIT_CODES_HELP } from './exit.ts';
import type { ExitCode } from './exit.ts';
import { addEngines } from './engines.ts';
import { addKeys } from './keys.ts';
import { addOneOff } from './one-off.ts';
import { addRuns } from './runs.ts';
import { addSchedules } from './schedules.ts';
import { note, red } from './terminal.ts';
import { addTiming } from './timing.ts';
import { addTransfer } from './transfer.ts';

/** How an action that ends well, but did not succeed, says so. */
let outcome: ExitCode = EXIT.ok;

/** Runs one command line; never throws. @returns the exit code */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
	outcome = EXIT.ok;
	try {
		await createProgram().parseAsync(args, { from: 'user' });
		return outcome;
	} catch (error) {
		return report(error, args.includes('--json'));
	}
}

function createProgram(): Command {
	const program = new Command('capscheduler')
		.description('Schedules capabilities, runs them, and delivers what they return.')
		.version(VERSION)
		.addOption(new Option('--json', 'answer in JSON, errors too'))
		.addOption(new Option('--url <url>', 'the engine to speak to; default CAPSCHEDULER_URL'))
		.addOption(new Option('--key <key>', 'the API key; default CAPSCHEDULER_KEY'))
		.configureHelp({ showGlobalOptions: true })
		.configureOutput({ outputError: (text) => note(text.trimEnd()) })
		.showHelpAfterError('(--help shows how)')
		.exitOverride();

	// what only these need is heavy, so it is loaded when they run
	program
		.command('start')
		.description('run the engine until SIGTERM or Ctrl-C')
		.addHelpText(
			'after',
			`
It needs no configuration. The first start prints an admin key, once. Settings are environment variables,
see docs/configuration.md; the first SIGTERM or Ctrl-C finishes what is running, a second one exits at once.

Examples:
  $ capscheduler start
  $ CAPSCHEDULER_PORT=0 capscheduler start --json     # a free port, told as one line of JSON`,
		)
		.action(async (_options, command: Command) => {
			const { start } = await import('./start.ts');
			setOutcome(await start(command.optsWithGlobals()));
		});
	program
		.command('demo')
		.description('show the main job on real data, within 30 seconds')
		.addHelpText(
			'after',
			`
Starts an engine on a temporary folder, schedules a capability that serves weather records, and shows what happens
until the files, the signed callback and the result link are there. Touches no other engine and no network.`,
		)
		.action(async (_options, command: Command) => {
			const { demo } = await import('./demo.ts');
			setOutcome(await demo(command.optsWithGlobals()));
		});
	program
		.command('doctor')
		.description('look for what is wrong with settings, data folder and store')
		.option('--repair', 'and mend in the store what can be worked out without a guess')
		.addHelpText(
			'after',
			`
Exits with 1 when it finds a problem. It looks into the store itself while the engine is stopped; while it runs,
it asks the engine. --repair sets timers, ends leases and waits that have no end, removes what belongs to runs that do not
exist, timers for nothing and bytes that nothing refers to, and makes counts and the order of keys anew. Giving it again
does nothing more. PostgreSQL and MongoDB are repaired beside their engines too, but for counts and keys.`,
		)
		.action(async (_options, command: Command) => {
			const { doctor } = await import('./doctor.ts');
			setOutcome(await doctor(command.optsWithGlobals()));
		});
	program
		.command('backup <folder>')
		.description(
			'copy the data folder while the engine runs; again into the same folder: what is new',
		)
		.option('--with-key', 'with the key that opens secrets; keep such a backup as safe as the key')
		.addHelpText(
			'after',
			`
It copies CAPSCHEDULER_DATA_DIR of this machine: the database as it is at one moment, and the results.

Example:
  $ capscheduler backup /backups/capscheduler`,
		)
		.action(async (target: string, _options, command: Command) => {
			const { backup } = await import('./backup.ts');
			setOutcome(await backup(target, command.optsWithGlobals()));
		});
	program
		.command('restore <backup>')
		.description('make a data folder of a backup')
		.addHelpText(
			'after',
			`
It makes CAPSCHEDULER_DATA_DIR, which must not exist yet or be empty. An engine that starts on it knows nothing of
what happened after the backup: the policy catchUp of each schedule says what becomes of the instants between.

Example:
  $ CAPSCHEDULER_DATA_DIR=data2 capscheduler restore /backups/capscheduler`,
		)
		.action(async (from: string, _options, command: Command) => {
			const { restoreBackup } = await import('./backup.ts');
			setOutcome(await restoreBackup(from, command.optsWithGlobals()));
		});
	addTransfer(program, setOutcome);
	addCapabilities(program);
	addSchedules(program);
	addCalendars(program);
	addRuns(program);
	addDestinations(program);
	addDeadLetters(program);
	addOneOff(program);
	addTiming(program);
	addKeys(program);
	addEngines(program);
	program.addHelpText('after', EXIT_CODES_HELP);
	return program;
}

function setOutcome(code: ExitCode): void {
	outcome = code;
}

function report(error: unknown, json: boolean): ExitCode {
	if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
	const { exit, message, hint, data } = explain(error);
	if (json) {
		note(JSON.stringify({ error: { message, ...(hint === undefined ? {} : { hint }), ...data } }));
	} else {
		note(`${red('error:')} ${message}${hint === undefined ? '' : `\n${hint}`}`);
	}
	return exit;
}

function explain(error: unknown): CliError {
	if (error instanceof CliError) return error;
	if (error instanceof ConfigError) {
		return new CliError(
			EXIT.usage,
			`the settings are wrong\n${error.message.replace(/^/gm, '  ')}`,
			{
				hint: 'docs/configuration.md lists every setting.',
				data: { code: 'CONFIG', problems: error.problems },
			},
		);
	}
	if (error instanceof CapError) {
		return new CliError(
			error.code === 'INVALID_REQUEST' ? EXIT.usage : EXIT.failed,
			error.message,
			{
				data: { code: error.code, errors: error.issues },
			},
		);
	}
	const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
	return new CliError(EXIT.failed, text, {
		hint: 'This is a bug of CapScheduler, please report it.',
	});
}
