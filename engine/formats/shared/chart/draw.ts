import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { DrawJob, DrawReply } from './protocol.ts';
import { readSvg, type SvgElement } from './svg.ts';

const CHILD = fileURLToPath(
	new URL(
		import.meta.url.endsWith('.ts') ? './chart-child.ts' : './chart-child.js',
		import.meta.url,
	),
);
/** It reads its own modules; it writes nothing, begins nothing and makes no code out of text. */
const FLAGS = [
	'--permission',
	'--allow-fs-read=*',
	'--disallow-code-generation-from-strings',
	'--max-old-space-size=512',
	'--no-warnings',
	CHILD,
];
/** Milliseconds from the start of the process to its picture. */
const TIME = 30_000;
/** Processes at once; each may take half a gigabyte. Who comes later waits, and its time has not begun. */
const AT_ONCE = 2;
let drawing = 0;
const waiting: (() => void)[] = [];
/** Bytes of all pictures. */
const MOST = 24 * 1024 * 1024;

export interface DrawOptions {
	/** IANA: axes of time are by its clocks. */
	timeZone: string;
	/** Milliseconds; default 30,000. */
	time?: number;
}

export type Drawn = { picture: SvgElement } | { error: string };

/**
 * Draws charts in a process of its own, which is ended when it takes too long or too much memory.
 * @returns one picture, or why there is none, for each chart
 */
export async function drawCharts(job: DrawJob, options: DrawOptions): Promise<Drawn[]> {
	const reply = await inTurn(async () => runChild(job, options));
	if ('error' in reply) return job.charts.map(() => reply);
	return reply.map((drawn) => {
		if ('error' in drawn) return drawn;
		try {
			return { picture: readSvg(drawn.svg) };
		} catch (error) {
			return { error: error instanceof Error ? error.message : String(error) };
		}
	});
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
	if (drawing < AT_ONCE) drawing += 1;
	else await new Promise<void>((resolve) => waiting.push(resolve));
	try {
		return await work();
	} finally {
		// handed over, so that nobody comes in between
		const next = waiting.shift();
		if (next) next();
		else drawing -= 1;
	}
}

function runChild(
	job: DrawJob,
	{ timeZone, time = TIME }: DrawOptions,
): Promise<DrawReply | { error: string }> {
	// nothing of the engine's environment goes in: it may hold keys
	const child = spawn(process.execPath, FLAGS, {
		env: { TZ: timeZone },
		stdio: ['pipe', 'pipe', 'ignore'],
		timeout: time,
		killSignal: 'SIGKILL',
	});
	return new Promise((resolve) => {
		const parts: Buffer[] = [];
		let size = 0;
		child.stdin.on('error', () => undefined); // it ended: its end tells
		child.stdout.on('data', (part: Buffer) => {
			size += part.length;
			if (size > MOST) child.kill('SIGKILL');
			else parts.push(part);
		});
		child.once('error', (error) => {
			resolve({ error: `the chart's process did not start: ${error.message}` });
		});
		child.once('close', (code, signal) => {
			if (size > MOST) resolve({ error: `the pictures have more than ${MOST} bytes` });
			else if (signal === 'SIGKILL') resolve({ error: `it took longer than ${time} ms` });
			else if (code === 0) resolve(JSON.parse(Buffer.concat(parts).toString()) as DrawReply);
			else resolve({ error: 'it took too much memory, or its process ended' });
		});
		child.stdin.end(JSON.stringify(job));
	});
}
