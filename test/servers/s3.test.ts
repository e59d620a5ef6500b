/** @jest-environment ./test/support/node-errors.cjs */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createS3Channel } from '../../engine/channels/s3/index.ts';
import { systemClock } from '../../engine/clock.ts';
import { createEgress } from '../../engine/security/egress.ts';
import { exerciseChannelServer } from '../conformance/channel-servers.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { contentsOf, emptyFolder } from './folder-contents.ts';
import { ACCESS_KEY, BUCKET, SECRET_KEY, startVersitygw } from './versitygw.ts';

exerciseChannelServer(
	's3 at versitygw',
	async () => {
		const server = await startVersitygw();
		const other = await startVersitygw();
		await other.kill();
		const faults = startFaultProxy();
		const port = await faults.proxy({ host: '127.0.0.1', port: server.port });
		const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
		const all = async () => contentsOf(server.bucket);
		const isPart = ({ path }: { path: string }): boolean => path.startsWith('.sgwtmp');
		return {
			channel: createS3Channel({ egress, clock: systemClock, identityFor: [] }),
			settings: {
				bucket: BUCKET,
				endpoint: `https://127.0.0.1:${port}`,
				pathStyle: true,
				accessKeyId: ACCESS_KEY,
				secretAccessKey: SECRET_KEY,
				ca: await readFile(server.cert, 'utf8'),
			},
			wrong: {
				password: { secretAccessKey: 'wrong-secret' },
				identity: {
					settings: { ca: await readFile(other.cert, 'utf8') },
					code: 'TARGET_PROTOCOL',
				},
			},
			faults,
			isThere: async (path) => existsSync(join(server.bucket, path)),
			kill: server.kill,
			start: server.start,
			contents: async () => (await all()).filter((one) => !isPart(one)),
			unfinished: async () => (await all()).filter(isPart).map(({ path }) => path),
			clear: async () => emptyFolder(server.bucket),
			folders: false,
			resumes: false,
			async cleanup() {
				await egress.close();
				await faults.stop();
				await server.stop();
				await other.stop();
			},
		};
	},
	{ flat: 64_000_000 },
);
