import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { readFile } from 'node:fs/promises';

import type { RequestEnvelope } from '../contract/envelope.ts';
import type { JsonObject } from '../contract/json.ts';
import { listen } from './listen.ts';
import type { Listening } from './listen.ts';

const DATA = new URL('./data/seattle-weather.csv', import.meta.url);

/** How the capability describes itself to an engine. */
export function weatherManifest(url: string): JsonObject {
	return {
		title: 'Weather records',
		description: 'Daily weather of Seattle, 2012 to 2015 (NOAA, public domain)',
		binding: { type: 'http', url },
		actions: {
			monthly: {
				title: 'One month, day by day',
				parameters: {
					type: 'object',
					properties: {
						year: { type: 'integer', minimum: 2012, maximum: 2015 },
						month: { type: 'integer', minimum: 1, maximum: 12 },
					},
					required: ['year', 'month'],
					additionalProperties: false,
				},
			},
		},
	};
}

/** A capability as a user would write it: an HTTP server that takes a RequestEnvelope and answers rows. */
export async function serveWeather(
	onCall: (envelope: RequestEnvelope) => void,
): Promise<Listening> {
	const days = parseDays(await readFile(DATA, 'utf8'));
	const server = createServer((request, response) => {
		void read(request).then(
			(envelope) => {
				onCall(envelope);
				const { year, month } = envelope.parameters as { year: number; month: number };
				const wanted = `${year}-${String(month).padStart(2, '0')}-`;
				const rows = days.filter((day) => (day['date'] as string).startsWith(wanted));
				response.setHeader('content-type', 'application/json');
				response.end(JSON.stringify({ status: 'succeeded', result: { rows } }));
			},
			() => response.writeHead(400).end(),
		);
	});
	return listen(server);
}

async function read(request: IncomingMessage): Promise<RequestEnvelope> {
	let text = '';
	for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
	return JSON.parse(text) as RequestEnvelope;
}

/** The file has no quotes: commas and lines are all there is. */
function parseDays(csv: string): JsonObject[] {
	const [head = '', ...lines] = csv.trim().split('\n');
	const columns = head.split(',');
	return lines.map((line) => {
		const cells = line.split(',');
		return Object.fromEntries(
			columns.map((column, index) => {
				const cell = cells[index] ?? '';
				return [column, /^-?\d+(\.\d+)?$/.test(cell) ? Number(cell) : cell];
			}),
		);
	});
}
