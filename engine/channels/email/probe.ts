import type { Clock } from '../../clock.ts';
import type { Egress } from '../../security/security.port.ts';
import type { ProbeContext } from '../channel.port.ts';
import { runProbe } from '../shared/probe.ts';
import { failureFrom } from './failure.ts';
import type { EmailSettings } from './settings.ts';
import { portOf } from './settings.ts';
import { greet, loadNodemailer } from './smtp.ts';

const TIME = 20_000;

/** Goes the way of a mail up to the login. Nothing is sent: a mail cannot be taken back. */
export async function probeServer(
	settings: EmailSettings,
	{ egress, clock, context }: { egress: Egress; clock: Clock; context: ProbeContext },
): Promise<void> {
	const { host, tls, user } = settings;
	const port = portOf(settings);
	const { signal } = context;
	const nodemailer = await loadNodemailer();
	await runProbe(
		async ({ step }) => {
			await step('dns', async () => {
				const { length } = await egress.addressesOf(host, port, { path: 'settings.host' });
				return { value: undefined, detail: length === 1 ? '1 address' : `${length} addresses` };
			});
			const socket = await step('connect', async () => ({
				value: await egress.connect(host, port, { signal, timeout: TIME }),
			}));
			// without TLS it is the greeting only
			const session = await step(tls === 'none' ? 'read' : 'tls', async () => ({
				value: await greet(nodemailer, settings, { socket, signal, timeout: TIME }),
			}));
			try {
				if (user !== undefined) {
					await step('login', async () => ({ value: await session.login(), detail: user }));
				}
				session.close();
			} finally {
				session.destroy();
			}
		},
		{ clock, context, explain: (error) => failureFrom(error, settings) },
	);
}
