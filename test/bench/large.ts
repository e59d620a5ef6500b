import { runLargeResult } from '../support/large-result.ts';

const MB = 1e6;
const MOST_RSS = 300 * MB;

/** @returns what is not as it must be */
export async function large(options: {
	megabytes: number;
	say: (text: string) => void;
}): Promise<string[]> {
	const { megabytes, say } = options;
	const { sentBytes, rows, expected, delivered, pulled, peakRss, seconds } = await runLargeResult(
		megabytes * MB,
	);
	const megabytesOf = (bytes: number): string =>
		`${Math.round(bytes / MB).toLocaleString('en')} MB`;
	say(
		`large: ${megabytesOf(sentBytes)} of NDJSON (${rows.toLocaleString('en')} rows) -> CSV of ${megabytesOf(delivered.size)} ` +
			`at the webhook after ${seconds.delivered.toFixed(1)} s, by link in ${seconds.pulled.toFixed(1)} s; ` +
			`peak RSS of the engine ${megabytesOf(peakRss)}`,
	);
	const wrong: string[] = [];
	if (delivered.sha256 !== expected.sha256)
		wrong.push('large: the webhook got another file than expected');
	if (pulled.sha256 !== expected.sha256)
		wrong.push('large: the link gave another file than expected');
	if (!(peakRss < MOST_RSS))
		wrong.push(`large: peak RSS ${megabytesOf(peakRss)}, expected below 300 MB`);
	return wrong;
}
