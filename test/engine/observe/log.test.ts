import { describe, expect, it } from '@jest/globals';

import type { Clock } from '../../../engine/clock.ts';
import { CapError } from '../../../engine/contract/errors.ts';
import { createLog } from '../../../engine/observe/log.ts';
import type { LogOptions } from '../../../engine/observe/log.ts';
import type { Logger, LogFields } from '../../../engine/observe/observe.port.ts';

const clock: Clock = {
	now: () => Date.UTC(2027, 0, 31, 9),
	monotonic: () => 0,
	after: () => () => undefined,
};

function record(options: Partial<LogOptions> = {}): { log: Logger; lines: string[] } {
	const lines: string[] = [];
	const log = createLog({
		level: 'info',
		style: 'json',
		clock,
		colour: false,
		write: (line) => lines.push(line),
		...options,
	});
	return { log, lines };
}

const CANARY = 'c4n4ry0c4n4ry0c4n4ry0c4n4ry0c4n4ry0c4n4ry00';

describe('the log', () => {
	it('writes one line of JSON with the time of the clock', () => {
		const { log, lines } = record();
		log
			.with({ runId: 'run_1' })
			.info('run succeeded', { seconds: 0.2, late: false, by: undefined });
		expect(lines).toHaveLength(1);
		expect(JSON.parse(lines[0] ?? '')).toEqual({
			level: 'info',
			time: '2027-01-31T09:00:00.000Z',
			runId: 'run_1',
			seconds: 0.2,
			late: false,
			message: 'run succeeded',
		});
	});

	it('leaves out what is below its level', () => {
		const { log, lines } = record({ level: 'warn' });
		log.debug('a');
		log.info('b');
		log.warn('c');
		log.error('d');
		expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
			'c',
			'd',
		]);
	});

	it('says of an error its code, message and causes, and its stack only at debug', () => {
		const error = new CapError('TIMEOUT', 'too slow', { cause: new Error('socket hang up') });
		const normal = record();
		normal.log.error('attempt failed', { error });
		expect(JSON.parse(normal.lines[0] ?? '')).toMatchObject({
			error: { code: 'TIMEOUT', message: 'too slow', cause: { message: 'socket hang up' } },
		});
		expect(normal.lines[0]).not.toContain('log.test');
		const debug = record({ level: 'debug' });
		debug.log.error('attempt failed', { error });
		expect(debug.lines[0]).toContain('log.test');
	});

	it('takes scalars and errors only: an object does not get in, whatever it holds', () => {
		const { log, lines } = record();
		log.info('x', { settings: { password: CANARY }, list: [CANARY] } as unknown as LogFields);
		expect(lines[0]).not.toContain(CANARY);
		expect(lines[0]).toContain('left out');
	});

	it.each([
		`csk_key_01kbrj7v2x9m4c8d1e5f6g7h8j_${CANARY}AbCdEf`,
		`whsec_${CANARY}=`,
		`https://caps.example.org/r/lnk_01kbrj7v2x9m4c8d1e5f6g7h8j.${CANARY}`,
		`Bearer ${CANARY}`,
		`postgres://me:${CANARY}@db.internal/x`,
		`https://example.org/hook?token=${CANARY}`,
	])('masks a secret wherever it stands: %s', (secret) => {
		for (const style of ['json', 'pretty'] as const) {
			const { log, lines } = record({ style, level: 'debug' });
			log.with({ bound: secret }).info(`about ${secret}`, {
				text: secret,
				error: new Error(`failed: ${secret}`, { cause: new Error(secret) }),
			});
			expect(lines.join('')).not.toContain(CANARY);
		}
	});

	it('has fields that cannot pose as its own', () => {
		const { log, lines } = record();
		log.info('true', { message: 'false', level: 'error' });
		expect(JSON.parse(lines[0] ?? '')).toMatchObject({
			level: 'info',
			message: 'true',
			message_: 'false',
		});
	});

	it('writes for people on one line, with nothing that a terminal would obey', () => {
		const { log, lines } = record({ style: 'pretty' });
		log.warn('delivery failed', { to: 'a b', note: '\u001b[2J\rgone' });
		expect(lines).toEqual([
			'09:00:00.000 warn  delivery failed  to="a b"  note=\\x1b[2J\\x0dgone\n',
		]);
	});
});
