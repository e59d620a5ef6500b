import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import type { Clock } from '../clock.ts';
import type { JsonObject } from '../contract/json.ts';
import { readEvents } from './events.ts';
import type { SeenEvent } from './events.ts';
import { receiveNotices } from './receiver.ts';
import type { RunNotice } from './receiver.ts';
import { serveWeather, weatherManifest } from './weather.ts';

/** An engine as the demo needs it. */
export interface DemoEngine {
	url: string;
	key: string;
	stop(): Promise<void>;
}

export interface DemoOptions {
	/** An empty folder; everything stays in it. */
	folder: string;
	clock: Clock;
	/** Starts an engine that may write files into `files`. */
	startEngine(folders: { data: string; files: string }): Promise<DemoEngine>;
	/** One line of the story, with the seconds since the start. */
	tell(seconds: number, what: string, detail?: string): void;
	/** Milliseconds until it gives up; default 25 s. */
	within?: number;
}

export interface DemoEnd {
	runId: string;
	/** Absolute paths of what was delivered and fetched. */
	files: string[];
	/** The first lines of the result. */
	preview: string[];
}

const PARAMETERS = { year: 2014, month: 10 };
const WITHIN = 25_000;

/**
 * The main job with real parts: a capability, an engine, a receiver, all speaking HTTP on this machine.
 * @throws Error that says what did not happen
 */
export async function playDemo(options: DemoOptions): Promise<DemoEnd> {
	const { clock, folder } = options;
	const began = clock.monotonic();
	const tell = (what: string, detail?: string) => {
		options.tell((clock.monotonic() - began) / 1000, what, detail);
	};
	const out = join(folder, 'out');
	await mkdir(out, { recursive: true });
	const over = new AbortController();
	const ends: (() => Promise<void> | void)[] = [];
	try {
		const engine = await options.startEngine({ data: join(folder, 'data'), files: out });
		ends.push(() => engine.stop());
		tell('engine started', engine.url);
		const weather = await serveWeather(({ requestId, attempt }) => {
			tell('capability called', `${requestId}, attempt ${attempt}`);
		});
		ends.push(() => weather.close());
		const secret = `whsec_${randomBytes(32).toString('base64')}`;
		const receiver = await receiveNotices(secret);
		ends.push(
			() => receiver.close(),
			() => over.abort(),
		);

		const failed = follow(engine, { tell, signal: over.signal });
		failed.catch(() => undefined); // heard by the race below, but perhaps only later
		await order(engine, { capability: weather.url, receiver: receiver.url, secret, tell });
		const limit = options.within ?? WITHIN;
		const notice = await Promise.race([
			receiver.notice,
			failed,
			wait(limit, undefined, { signal: over.signal, ref: false }).then(() => {
				throw new Error(`no callback came within ${limit / 1000} s`);
			}),
		]);
		tell('callback verified', `signature good, run ${notice.data.state}`);
		return await collect(notice, { out, tell });
	} finally {
		for (const end of ends.reverse()) await end();
	}
}

type Tell = (what: string, detail?: string) => void;

/** What the user says: here is a capability, run it, deliver it like this, and tell me. */
async function order(
	engine: DemoEngine,
	ask: { capability: string; receiver: string; secret: string; tell: Tell },
): Promise<void> {
	await request(engine, 'PUT', '/v1/capabilities/weather', weatherManifest(ask.capability));
	ask.tell('capability registered', 'weather, with the action "monthly"');
	const file = (format: string) => ({ channel: 'file', settings: { folder: '.' }, format });
	await request(engine, 'POST', '/weather/schedule', {
		name: 'Seattle, October 2014',
		action: 'monthly',
		parameters: PARAMETERS,
		timing: { every: '2s', limit: 1 },
		delivery: { mode: 'both', format: 'csv', targets: [file('csv'), file('html')] },
		notify: [{ url: ask.receiver, secret: ask.secret }],
	});
	ask.tell('schedule accepted', 'every 2s, at most 1 run; CSV and HTML to a folder, CSV by link');
}

async function request(
	{ url, key }: DemoEngine,
	method: string,
	path: string,
	body: JsonObject,
): Promise<void> {
	const response = await fetch(url + path, {
		method,
		headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
		body: JSON.stringify(body),
	});
	const text = await response.text();
	if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
}

/** Events worth a line: what to call them, and the detail to show. */
const LINES: Readonly<Record<string, { what: string; detail(event: SeenEvent): string }>> = {
	'occurrence.fired': {
		what: 'schedule is due',
		detail: ({ subject }) => `makes ${subject['runId']}`,
	},
	'run.succeeded': { what: 'result stored', detail: ({ data }) => data?.['resultId'] as string },
	'delivery.delivered': {
		what: 'file delivered',
		detail: ({ data }) => basename(data?.['location'] as string),
	},
};
const BAD = /^(?:run|delivery|notification)\.(?:failed|dead|expired|cancelled)$/;

/** Tells what the engine's event stream says. Rejects as soon as something goes wrong; never resolves. */
async function follow(
	{ url, key }: DemoEngine,
	{ tell, signal }: { tell: Tell; signal: AbortSignal },
): Promise<never> {
	try {
		for await (const event of readEvents(`${url}/v1/events`, { key, signal })) {
			const line = LINES[event.type];
			if (line !== undefined) tell(line.what, line.detail(event));
			if (BAD.test(event.type)) throw new Error(`${event.type}: ${JSON.stringify(event)}`);
		}
	} catch (error) {
		if (!signal.aborted) throw error;
	}
	return new Promise<never>(() => undefined);
}

/** Fetches the link, and looks at everything that was made. */
async function collect(
	notice: RunNotice,
	{ out, tell }: { out: string; tell: Tell },
): Promise<DemoEnd> {
	const { resultUrl, runId, state, deliveries } = notice.data;
	if (state !== 'succeeded') throw new Error(`the run ended as ${state}`);
	const late = deliveries.filter((delivery) => delivery.state !== 'delivered');
	if (late.length > 0) throw new Error(`not delivered: ${JSON.stringify(late)}`);
	if (resultUrl === null) throw new Error('the callback has no resultUrl');
	const response = await fetch(resultUrl);
	const text = await response.text();
	if (!response.ok) throw new Error(`the result link was answered ${response.status}: ${text}`);
	const fetched = join(out, 'fetched-by-link.csv');
	await writeFile(fetched, text);
	tell('link fetched', `${text.trim().split('\n').length - 1} rows`);
	const files = (await readdir(out)).sort().map((name) => join(out, name));
	const csv = files.find((file) => file.endsWith('.csv') && file !== fetched);
	if (csv === undefined || !files.some((file) => file.endsWith('.html'))) {
		throw new Error(`a file is missing: ${files.join(', ')}`);
	}
	if ((await readFile(csv, 'utf8')) !== text) throw new Error('the file and the link differ');
	return { runId, files, preview: text.split(/\r?\n/).slice(0, 4) };
}
