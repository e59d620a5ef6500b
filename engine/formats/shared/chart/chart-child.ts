/**
 * The process that draws charts; draw.ts begins and ends it. It may read files, and neither write any
 * nor make code out of text; its clocks are those of the schedule's zone; it is told all it needs.
 */
import type { DrawJob, DrawReply } from './protocol.ts';

const DATE_ONLY = /^\d{4}-\d{2}-\d{2}$/;

/** A clock that stands still, and dates that are days of the zone. */
function standStill(now: number): void {
	const { parse } = Date;
	class StillDate extends Date {
		constructor(...given: [] | [value: number | string | Date]) {
			if (given.length === 0) super(now);
			else super(...(given as [number]));
		}
		static override now(): number {
			return now;
		}
		static override parse(text: string): number {
			return parse(DATE_ONLY.test(text) ? `${text}T00:00:00` : text);
		}
	}
	globalThis.Date = StillDate as DateConstructor;
}

async function main(): Promise<void> {
	const parts: Buffer[] = [];
	for await (const part of process.stdin) parts.push(part as Buffer);
	const job = JSON.parse(Buffer.concat(parts).toString()) as DrawJob;
	standStill(job.now);
	// loaded only now: vega keeps the clock that it finds
	const { drawSvg } = await import('./vega-draw.ts');
	const reply: DrawReply = [];
	for (const chart of job.charts) {
		reply.push(
			await drawSvg(chart).then(
				(svg) => ({ svg }),
				(error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
			),
		);
	}
	process.stdout.write(JSON.stringify(reply));
}

await main();
