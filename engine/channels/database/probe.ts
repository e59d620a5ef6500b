import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

import type { Clock } from '../../clock.ts';
import { CapError } from '../../contract/errors.ts';
import type { Egress } from '../../security/security.port.ts';
import type { ProbeContext } from '../channel.port.ts';
import { runProbe } from '../shared/probe.ts';
import { failureFrom } from './failure.ts';
import type { LoadSession } from './load.ts';
import type { DatabaseSettings } from './settings.ts';
import { portOf } from './settings.ts';

const TIME = 20_000;

interface Tools {
	egress: Egress;
	clock: Clock;
	context: ProbeContext;
	openSession(this: void, settings: DatabaseSettings, socket: Socket): Promise<LoadSession>;
}

/** Goes the way of a load: logs in, looks at the table, begins a load, and takes it back. No row is written. */
export async function probeTable(
	settings: DatabaseSettings,
	{ egress, clock, context, openSession }: Tools,
): Promise<void> {
	const { host, table, user } = settings;
	const port = portOf(settings);
	let socket: Socket | undefined;
	try {
		await runProbe(
			async ({ step }) => {
				await step('dns', async () => {
					const { length } = await egress.addressesOf(host, port, { path: 'settings.host' });
					return { value: undefined, detail: length === 1 ? '1 address' : `${length} addresses` };
				});
				const { signal } = context;
				const made = await step('connect', async () => ({
					value: await egress.connect(host, port, { signal, timeout: TIME }),
				}));
				socket = made;
				const session = await step('login', async () => {
					const value = await openSession(settings, made);
					await value.limit(TIME);
					return { value, detail: user };
				});
				await step('read', async () => {
					const { length } = await session.columns();
					if (length > 0) return { value: undefined, detail: `${table} has ${length} columns` };
					throw new CapError(
						'TARGET_REFUSED',
						`there is no table "${table}", or not for this user`,
					);
				});
				await step('write', async () => {
					const id = `test_${randomBytes(8).toString('hex')}`;
					await session.begin({ id, sha256: '0'.repeat(64), rows: 0 });
					return { value: undefined, detail: `a load in ${settings.loadsTable}` };
				});
				await step('delete', async () => ({
					value: await session.rollback(),
					detail: 'taken back',
				}));
			},
			{ clock, context, explain: (error) => failureFrom(error, settings) },
		);
	} finally {
		socket?.destroy();
	}
}
