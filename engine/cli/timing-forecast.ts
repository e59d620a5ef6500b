import type { JsonObject } from '../contract/json.ts';
import { toIso } from '../contract/time.ts';
import type { Call } from './arguments.ts';
import { bar, sparkline, squeeze } from './draw.ts';
import { CliError, EXIT } from './exit.ts';
import { faint, printable, say, sayJson, strong } from './terminal.ts';

export interface ForecastOptions {
	from?: string;
	horizon: string;
	bucket: string;
	label?: string;
	capability?: string;
}

const WIDTH = 72;

export async function forecast(call: Call<ForecastOptions>): Promise<void> {
	const found = await fetchForecast(call);
	if (call.json) sayJson(found);
	else show(found);
}

/** With a bar of progress where somebody watches. */
async function fetchForecast({ api, options }: Call<ForecastOptions>): Promise<JsonObject> {
	const { from, horizon, bucket, label, capability } = options;
	const query = { from, horizon, bucket, label, capability };
	if (!process.stderr.isTTY) return api.call('GET', '/v1/forecast', { query });
	const response = await api.open('/v1/forecast', {
		query,
		headers: { accept: 'text/event-stream' },
	});
	try {
		for await (const { event, data } of eventsOf(response)) {
			if (event === 'result') return data;
			drawProgress(data);
		}
	} finally {
		process.stderr.write('\r\u001b[K');
	}
	throw new CliError(EXIT.refused, 'the engine broke off before the forecast was there');
}

function drawProgress({ stage, done, total }: JsonObject): void {
	const [count, all] = [Number(done), Number(total)];
	const drawn = all > 0 ? bar(count, all, 30).padEnd(30, '░') : '';
	process.stderr.write(
		`\r\u001b[K${printable(stage)} ${drawn} ${count}${all > 0 ? ` of ${all}` : ''}`,
	);
}

async function* eventsOf(response: Response): AsyncGenerator<{ event: string; data: JsonObject }> {
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of response.body ?? []) {
		text += decoder.decode(chunk as Uint8Array, { stream: true });
		const blocks = text.split('\n\n');
		text = blocks.pop() ?? '';
		for (const block of blocks) {
			const event = /^event: (.*)$/m.exec(block)?.[1] ?? '';
			const data = /^data: (.*)$/m.exec(block)?.[1];
			if (data !== undefined) yield { event, data: JSON.parse(data) as JsonObject };
		}
	}
}

function show(found: JsonObject): void {
	const counts = found['counts'] as number[];
	const from = Date.parse(printable(found['from']));
	const to = Date.parse(printable(found['to']));
	const columns = squeeze(counts, WIDTH);
	const each = (to - from) / columns.length;
	say(
		`${strong(`${printable(found['occurrences'])} occurrences`)} of ${printable(found['schedules'])} ${found['schedules'] === 1 ? 'schedule' : 'schedules'}`,
	);
	say(`\n${sparkline(columns)}`);
	const left = clock(from);
	say(faint(`${left}${clock(to).padStart(Math.max(0, columns.length - left.length))}`));
	say(faint(`a column is ${Math.round(each / 60_000)} min, the highest ${Math.max(...columns)}\n`));
	showPeaks((found['peaks'] ?? []) as JsonObject[], printable(found['bucket']));
	showProposal(found['proposal'] as JsonObject | null);
}

const clock = (at: number): string => toIso(at).slice(5, 16).replace('T', ' ');

function showPeaks(peaks: readonly JsonObject[], bucket: string): void {
	if (peaks.length === 0) return;
	const most = Number(peaks[0]?.['count']);
	say(strong(`the fullest ${bucket}s`));
	for (const { at, count, causes } of peaks) {
		say(
			`  ${printable(at).slice(0, 16)}Z ${printable(count).padStart(6)} ${bar(Number(count), most, 24)}`,
		);
		for (const cause of (causes as JsonObject[]).slice(0, 3)) {
			const many = Number(cause['schedules']);
			say(
				faint(
					`      ${printable(cause['occurrences'])} by ${ruleOf(cause)}, ${many} ${many === 1 ? 'schedule' : 'schedules'}`,
				),
			);
		}
	}
}

function showProposal(proposal: JsonObject | null): void {
	if (proposal === null) {
		say('\nJitter would not flatten this.');
		return;
	}
	const { peakBefore, peakAfter, jitter } = proposal;
	say(
		`\n${strong('jitter would bring the peak')} from ${printable(peakBefore)} to ${printable(peakAfter)}`,
	);
	for (const change of (jitter as JsonObject[]).slice(0, 10)) {
		say(
			`  jitter ${printable(change['jitter']).padEnd(4)} for ${ruleOf(change)}, ${printable(change['schedules'])} schedules`,
		);
	}
	const more = (jitter as JsonObject[]).length - 10;
	if (more > 0) say(faint(`  and ${more} more rules: --json has all`));
}

function ruleOf({ timing }: JsonObject): string {
	const { timeZone, ...rule } = timing as JsonObject;
	return `${Object.entries(rule)
		.map(([name, value]) => `${name} ${printable(value)}`)
		.join(' ')} ${printable(timeZone)}`;
}
