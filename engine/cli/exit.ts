/** How a command ends; `capscheduler --help` prints them. */
export const EXIT = {
	ok: 0,
	/** It was tried and did not succeed: a failed run, a finding of doctor, a demo that did not end well. */
	failed: 1,
	/** The command line or the settings are wrong; nothing was tried. */
	usage: 2,
	/** No engine answers. */
	unreachable: 3,
	/** The engine answered with a refusal. */
	refused: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An end that the user should read: what is wrong, and how to mend it. */
export class CliError extends Error {
	readonly exit: ExitCode;
	/** What to do next. */
	readonly hint: string | undefined;
	/** For `--json`. */
	readonly data: Readonly<Record<string, unknown>>;

	constructor(
		exit: ExitCode,
		message: string,
		{ hint, data = {} }: { hint?: string; data?: Readonly<Record<string, unknown>> } = {},
	) {
		super(message);
		this.name = 'CliError';
		this.exit = exit;
		this.hint = hint;
		this.data = data;
	}
}

export const EXIT_CODES_HELP = `
Exit codes:
  0  done
  1  tried, but it did not succeed (a failed run, a finding of doctor)
  2  the command line or a setting is wrong; nothing was tried
  3  no engine answers at the address
  4  the engine refused`;
