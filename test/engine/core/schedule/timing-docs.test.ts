import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { NO_CALENDARS } from '../../../../engine/contract/calendar.ts';
import { previewInputSchema } from '../../../../engine/contract/timing-requests.ts';
import { parseInput } from '../../../../engine/contract/zod-issues.ts';
import { readable } from '../../../../engine/cli/draw.ts';
import { previewTiming } from '../../../../engine/pipeline/preview.ts';

const PAGE = join(import.meta.dirname, '../../../../docs/timing.md');

/** Blocks of a request as JSON and the lines that it is answered with. */
function recipes(): { request: string; expected: string[] }[] {
	const blocks = readFileSync(PAGE, 'utf8').matchAll(/```text test=timing\n([\s\S]*?)```/g);
	return [...blocks].map(([, text = '']) => {
		const lines = text.trimEnd().split('\n');
		const first = lines.findIndex((line) => /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) /.test(line));
		return { request: lines.slice(0, first).join('\n'), expected: lines.slice(first) };
	});
}

describe('the recipes of docs/timing.md', () => {
	it('are there', () => {
		expect(recipes().length).toBeGreaterThanOrEqual(10);
	});

	it.each(recipes())('$request answers what the page says', ({ request, expected }) => {
		const { occurrences } = previewTiming(parseInput(previewInputSchema, JSON.parse(request)), {
			now: Date.UTC(2027, 0, 1),
			smallestInterval: 1000,
			calendars: NO_CALENDARS,
		});
		const answered = occurrences.map(
			({ local, planned }) => `${readable(local)}${planned === 'skip' ? ' skipped' : ''}`,
		);
		expect(answered).toEqual(expected);
	});
});
