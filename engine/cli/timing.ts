import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import { parseCount, withApi } from './arguments.ts';
import type { Call, Globals } from './arguments.ts';
import type { ForecastOptions } from './timing-forecast.ts';
import type { PreviewCommandOptions } from './timing-preview.ts';

/** Questions about timing. What only one of them needs is loaded when it runs. */
export function addTiming(program: Command): void {
	program
		.command('preview <when>')
		.description('when a timing is due: a cron pattern, "every 15m", an instant, or a JSON file')
		.option('--tz <zone>', 'the time zone of the timing; UTC unless given')
		.option('--count <count>', 'how many instants, at most 1000', parsePreviewCount, 10)
		.option('--from <instant>', 'instants after this one; now unless given')
		.option('--viewer <zone>', 'show the clock of this zone too')
		.option('--schedule <id>', 'show the jitter and the "~" of this schedule')
		.addHelpText(
			'after',
			`
Needs no engine. "-" reads JSON from standard input: the body of POST /v1/timing/preview.

Examples:
  $ capscheduler preview "0 9 * * 1-5" --tz Europe/Berlin
  $ capscheduler preview "0 9 L * *" --tz Europe/Berlin --viewer America/New_York --count 6
  $ capscheduler preview "every 90m" --json`,
		)
		.action(async (when: string, _options, command: Command) => {
			const { preview } = await import('./timing-preview.ts');
			await preview(when, command.optsWithGlobals<PreviewCommandOptions & Globals>());
		});
	program
		.command('explain <schedule>')
		.description('why an instant of a schedule became what it did, will run, or is no occurrence')
		.option('--at <instant>', 'the instant; the last one decided, else the next, unless given')
		.addHelpText(
			'after',
			`
Examples:
  $ capscheduler explain sch_…
  $ capscheduler explain sch_… --at 2027-03-28T03:30:00+02:00`,
		)
		.action(
			withApi(async (call: Call<{ at?: string }>, id: string) => {
				const { explain } = await import('./timing-explain.ts');
				await explain(call, id);
			}),
		);
	program
		.command('simulate <file>')
		.description('what would become of schedules, if: a JSON file, or "-" for standard input')
		.option('--limit <count>', 'show so many occurrences of each schedule', parseCount, 20)
		.addHelpText(
			'after',
			`
The file is the body of POST /v1/simulate. It needs an engine only where it names schedules by "scheduleId".

  { "schedules": [{ "name": "sync", "frequency": "every 15m", "duration": "20m",
                   "policies": { "timeout": "1h" } }],
    "from": "2027-03-01T00:00:00Z", "to": "2027-03-01T06:00:00Z",
    "outages": [{ "from": "2027-03-01T02:00:00Z", "to": "2027-03-01T03:10:00Z" }] }`,
		)
		.action(async (file: string, _options, command: Command) => {
			const { simulate } = await import('./timing-simulate.ts');
			await simulate(file, command.optsWithGlobals<{ limit: number } & Globals>());
		});
	program
		.command('forecast')
		.description('how many occurrences are due when, who makes the peaks, and what flattens them')
		.option('--from <instant>', 'from here on; now unless given')
		.option('--horizon <duration>', 'how far ahead', '24h')
		.option('--bucket <width>', 'minute or hour', 'minute')
		.option('--label <key:value>', 'only schedules with this label')
		.option('--capability <name>', 'only those of this capability')
		.addHelpText(
			'after',
			`
Examples:
  $ capscheduler forecast
  $ capscheduler forecast --horizon 7d --bucket hour --label team:bi`,
		)
		.action(
			withApi(async (call: Call<ForecastOptions>) => {
				const { forecast } = await import('./timing-forecast.ts');
				await forecast(call);
			}),
		);
}

function parsePreviewCount(text: string): number {
	const count = parseCount(text);
	if (count > 1000) throw new InvalidArgumentError('expected at most 1000');
	return count;
}
