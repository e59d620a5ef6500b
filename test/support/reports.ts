import type { CapabilityServer } from './capability-server.ts';
import type { Body, Client } from './api.ts';

/** Registers the capability `reports`: `now` answers rows at once, `later` says 202 and will call back. */
export async function registerReports(admin: Client, server: CapabilityServer): Promise<void> {
	server.on('/reports', (response, { body }) => {
		const { action } = JSON.parse(body) as { action: string };
		if (action === 'later') {
			response.writeHead(202).end();
			return;
		}
		response.writeHead(200, { 'content-type': 'application/json' });
		response.end(
			JSON.stringify({
				rows: [
					{ region: 'EU', sales: 42 },
					{ region: 'US', sales: 7 },
				],
			}),
		);
	});
	const { status, text } = await admin.put('/v1/capabilities/reports', {
		actions: {
			now: { parameters: { type: 'object', properties: { region: { type: 'string' } } } },
			later: {},
		},
		binding: { type: 'http', url: server.url('/reports'), mode: 'async' },
	});
	if (status !== 201) throw new Error(text);
}

/** A run of `now` that has ended. */
export async function finishedRun(admin: Client): Promise<Body> {
	const { status, body } = await admin.post(
		'/v1/capabilities/reports/actions/now/invoke',
		{ parameters: { region: 'EU' } },
		{ headers: { prefer: 'wait=30' } },
	);
	if (status !== 200) throw new Error(JSON.stringify(body));
	return body;
}
