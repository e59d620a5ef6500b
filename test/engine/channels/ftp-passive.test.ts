import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';

import { createFtpChannel } from '../../../engine/channels/ftp/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import { createEgress } from '../../../engine/security/egress.ts';
import { parcelOf } from '../../support/parcels.ts';

/** A server of files in memory that knows no EPSV, and names a host of its choice for the data. */
class LyingServer {
	readonly files = new Map<string, string>();
	readonly #data: Server;
	readonly #control: Server;
	readonly #host: string;
	#next: Promise<Socket> | undefined;
	#from = '';

	constructor(host: string) {
		this.#host = host;
		this.#data = createServer();
		this.#control = createServer((socket) => {
			socket.write('220 hello\r\n');
			socket.on('data', (line: Buffer) => void this.#answer(socket, line.toString().trim()));
			socket.on('error', () => undefined);
		});
	}

	async start(): Promise<{ port: number; dataPort: number }> {
		for (const server of [this.#data, this.#control]) {
			server.listen(0, '127.0.0.1');
			await once(server, 'listening');
		}
		const portOf = (server: Server): number => (server.address() as AddressInfo).port;
		return { port: portOf(this.#control), dataPort: portOf(this.#data) };
	}

	stop(): void {
		this.#data.close();
		this.#control.close();
	}

	async #answer(socket: Socket, line: string): Promise<void> {
		const [command = '', argument = ''] = line.split(/ (.*)/s);
		const say = (answer: string): void => void socket.write(`${answer}\r\n`);
		switch (command.toUpperCase()) {
			case 'USER':
				return say('331 password');
			case 'PASS':
				return say('230 in');
			case 'PWD':
				return say('257 "/"');
			case 'PASV': {
				const { port } = this.#data.address() as AddressInfo;
				this.#next = once(this.#data, 'connection').then(([made]) => made as Socket);
				return say(`227 Entering (${this.#host.replaceAll('.', ',')},${port >> 8},${port & 255})`);
			}
			case 'STOR':
				say('150 go');
				this.files.set(argument, await text((await this.#next)!));
				return say('226 done');
			case 'SIZE': {
				const file = this.files.get(argument);
				return say(file === undefined ? '550 none' : `213 ${file.length}`);
			}
			case 'RNFR':
				this.#from = argument;
				return say(this.files.has(argument) ? '350 to?' : '550 none');
			case 'RNTO':
				this.files.set(argument, this.files.get(this.#from) ?? '');
				this.files.delete(this.#from);
				return say('250 renamed');
			case 'TYPE':
			case 'NOOP':
				return say('200 fine');
			default:
				return say('502 unknown');
		}
	}
}

let trap: Server;
let trapped: number;
const egress = createEgress({ allow: [], allowLoopback: true, httpsOnly: true });
const channel = createFtpChannel({ egress, clock: systemClock });
beforeEach(() => {
	trapped = 0;
	trap = createServer((socket) => {
		trapped++;
		socket.destroy();
	});
});
afterEach(async () => {
	trap.close();
	await channel.close?.();
});

it.each(['127.0.0.2', '169.254.169.254', '10.0.0.1', '0.0.0.0'])(
	'data goes to the server that was agreed on, not to %s that it names',
	async (host) => {
		const server = new LyingServer(host);
		const { port, dataPort } = await server.start();
		if (host === '127.0.0.2') {
			trap.listen(dataPort, host);
			await once(trap, 'listening');
		}
		const settings = channel.settings.parse({ host: '127.0.0.1', port, tls: 'none' });
		const parcel = parcelOf('a,b\n');
		const outcome = await channel.send(channel.prepare(settings, parcel), settings, parcel, {
			signal: new AbortController().signal,
			attempt: 1,
			timeout: 20_000,
		});
		expect(outcome).toMatchObject({ kind: 'delivered' });
		expect([...server.files]).toEqual([[parcel.filename, 'a,b\n']]);
		expect(trapped).toBe(0);
		await channel.close?.();
		server.stop();
	},
);
