import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';

import { createEgress } from '../../engine/security/egress.ts';
import * as formatKit from '../../engine/formats/kit.ts';
import { systemClock } from '../../engine/clock.ts';
import { loadPlugins } from '../../engine/plugins/load.ts';
import { createFormatRegistry } from '../../engine/formats/registry.ts';
import { CapabilityServer } from '../support/capability-server.ts';
import { demand, startBed } from '../support/engine.ts';
import { exerciseFormat } from '../conformance/formats.ts';

const EXAMPLE = join(import.meta.dirname, '../../docs/examples/capscheduler-fixed-width/index.js');
const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: false });
const host = { z, clock: systemClock, egress, formats: formatKit };
const { formats } = await loadPlugins([EXAMPLE], host);

exerciseFormat(formats[0]!, {
	base: { onLimit: 'truncate' },
	options: [{ width: 3, nested: 'flatten' }],
	countRows: (text) => text.split('\n').length - 1,
});

describe('a plug-in', () => {
	let folder: string;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'capscheduler-plugin-'));
	});
	afterAll(async () => {
		await egress.close();
		await rm(folder, { recursive: true });
	});
	/** A module with that text. @returns its path */
	const moduleOf = async (name: string, text: string): Promise<string> => {
		const path = join(folder, `${name}.mjs`);
		await writeFile(path, text);
		return path;
	};

	it('is named in the settings, shown by the API, and makes files that tell what they cut', async () => {
		const server = await new CapabilityServer().start();
		const bed = await startBed({ CAPSCHEDULER_PLUGINS: EXAMPLE });
		await mkdir(join(bed.folder, 'out'));
		try {
			const { body } = demand(await bed.admin.get('/v1/formats'), 200);
			expect(body.items).toContainEqual(
				expect.objectContaining({
					name: 'fixed-width',
					options: expect.objectContaining({ type: 'object' }) as unknown,
				}),
			);
			const url = server.on('/rows', (response) => {
				response
					.writeHead(200, { 'content-type': 'application/json' })
					.end('[{"name":"much too long","amount":1.5}]');
			});
			await bed.register('rows', url);
			const options = { width: 6, onLimit: 'truncate' };
			const target = {
				channel: 'file',
				settings: { folder: 'plugin' },
				format: 'fixed-width',
				options,
				filename: 'rows.{{ext}}',
			};
			const run = await bed.invoke('rows', { delivery: { targets: [target] } });
			const delivery = await bed.until(async () => {
				const [first] = (await bed.run(run)).deliveries;
				return first?.state === 'delivered' && first;
			});
			const notice = { code: 'cells_truncated', column: 'name', count: 1 };
			expect(delivery.receipt.size).toBe(13);
			expect(delivery.receipt.notices).toMatchObject([notice]);
			const [event] = await bed.events('artifact.limited');
			expect(event).toMatchObject({
				subject: { runId: run },
				data: { format: 'fixed-width', notices: [notice] },
			});
		} finally {
			await bed.close();
			await server.close();
		}
	});

	it('is found by its name in the folder where the engine starts', async () => {
		const at = join(folder, 'node_modules', 'my-plugin');
		await mkdir(at, { recursive: true });
		await writeFile(join(at, 'package.json'), '{"name":"my-plugin","type":"module","main":"a.js"}');
		await writeFile(join(at, 'a.js'), "export default () => ({ name: 'my-plugin' });");
		expect(await loadPlugins(['my-plugin'], host, folder)).toEqual({
			formats: [],
			channels: [],
			sessions: [],
		});
	});

	it.each([
		['nothing', 'export const a = 1;', 'expected a function as its default export'],
		['throws', "throw new Error('out of order');", 'out of order'],
		['fails', "export default () => { throw new Error('no licence'); };", 'no licence'],
		['unknown', "export default () => ({ name: 'x', colours: [] });", 'colours'],
		['half', "export default () => ({ name: 'x', formats: [{ name: 'x' }] });", 'formats.0'],
		[
			'schema',
			"export default () => ({ name: 'x', formats: [{ name: 'x', title: 'X', contentType: 'a/b', extension: 'x', abilities: { rows: true, binary: false, tables: 'zip' }, limits: {}, options: {}, render() {} }] });",
			"formats.0.options: expected an object schema made with the host's zod",
		],
		[
			'channel',
			"export default () => ({ name: 'x', channels: [{ name: 'Bad Name' }] });",
			'channels.0',
		],
		[
			'session',
			"export default () => ({ name: 'x', sessions: [{ type: 'x', title: 'X' }] });",
			'sessions.0',
		],
	])('that is wrong stops the start and says why: %s', async (name, text, why) => {
		const path = await moduleOf(name, text);
		await expect(loadPlugins([path], host)).rejects.toMatchObject({
			code: 'MODULE_UNKNOWN',
			message: expect.stringContaining(why) as unknown,
		});
	});

	it('that is not there, or takes a name of another, is refused', async () => {
		await expect(loadPlugins(['no-such-plugin'], host, folder)).rejects.toMatchObject({
			code: 'MODULE_UNKNOWN',
		});
		expect(() => createFormatRegistry([...formats, ...formats])).toThrow('already');
	});
});
