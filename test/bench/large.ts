import { runLargeResult } from '../support/large-result.ts';
import { load } from './record.ts';
import type { Outcome } from './workload.ts';

const MB = 1e6;
const MOST_RSS = 300 * MB;

export async function large(options: {
	megabytes: number;
	say: (text: string) => void;
}): Promise<Outcome> {
	const { megabytes, say } = options;
	const one = await runLargeResult(megabytes * MB);
	const { sentBytes, rows, expected, delivered, pulled, peakRss, cpu, seconds } = one;
	const megabytesOf = (bytes: number): string =>
		`${Math.round(bytes / MB).toLocaleString('en')} MB`;
	say(
		`large: ${megabytesOf(sentBytes)} of NDJSON (${rows.toLocaleString('en')} rows) -> CSV of ${megabytesOf(delivered.size)} ` +
			`at the webhook after ${seconds.delivered.toFixed(1)} s, by link in ${seconds.pulled.toFixed(1)} s ` +
			`(${cpu.toFixed(1)} s of processor time); peak RSS of the engine ${megabytesOf(peakRss)}`,
	);
	const wrong: string[] = [];
	if (delivered.sha256 !== expected.sha256)
		wrong.push('the webhook got another file than expected');
	if (pulled.sha256 !== expected.sha256) wrong.push('the link gave another file than expected');
	if (!(peakRss > 0 && peakRss < MOST_RSS))
		wrong.push(`peak RSS ${megabytesOf(peakRss)}, expected below 300 MB`);
	return { measurements: [{ workload: 'large', ...one, load: load() }], wrong };
}
