import type { JsonObject } from '../contract/json.ts';
import type { Call } from './arguments.ts';
import { segment } from './arguments.ts';
import { faint, printable, say, sayJson, strong } from './terminal.ts';

const MARKS: Readonly<Record<string, string>> = {
	passed: '✓',
	stopped: '✗',
	noted: '·',
	open: '?',
};

export async function explain(
	{ api, json, options }: Call<{ at?: string }>,
	id: string,
): Promise<void> {
	const found = await api.call('GET', `/v1/schedules/${segment(id)}/explain`, {
		query: { at: options.at },
	});
	if (json) {
		sayJson(found);
		return;
	}
	say(`${printable(found['at'])}  ${faint(printable(found['local']))}`);
	say(strong(printable(found['summary'])));
	const chain = (found['chain'] ?? []) as JsonObject[];
	const width = Math.max(0, ...chain.map(({ rule }) => printable(rule).length));
	say('');
	for (const { rule, value, result, text } of chain) {
		const name = printable(rule).replaceAll('_', ' ').padEnd(width);
		const given = value === '' ? '' : `  ${faint(`(${printable(value)})`)}`;
		say(`  ${MARKS[printable(result)] ?? ' '} ${name}  ${printable(text)}${given}`);
	}
	const { previous, next } = found['nearest'] as Record<string, JsonObject | null>;
	say('');
	if (previous) say(`  ${faint('before')}  ${printable(previous['local'])}`);
	if (next) say(`  ${faint('after')}   ${printable(next['local'])}`);
}
