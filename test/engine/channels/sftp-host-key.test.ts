import { describe, expect, it } from '@jest/globals';

import {
	algorithmsFor,
	fingerprintOf,
	readHostKey,
	typeOf,
} from '../../../engine/channels/sftp/host-key.ts';
import { sftpSettingsSchema } from '../../../engine/channels/sftp/settings.ts';
import { parseInput } from '../../../engine/contract/zod-issues.ts';

/** github.com's, as it publishes them. */
const LINE = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const FINGERPRINT = '+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU';

describe('a host key', () => {
	it.each([LINE, `github.com ${LINE}`, `${LINE} comment`, `  ${LINE}\n`])(
		'is read from %j, with its kind',
		(text) => {
			expect(readHostKey(text)).toEqual({ fingerprint: FINGERPRINT, type: 'ssh-ed25519' });
		},
	);

	it('is read from its fingerprint', () => {
		expect(readHostKey(`SHA256:${FINGERPRINT}`)).toEqual({ fingerprint: FINGERPRINT, type: null });
	});

	it.each(['', 'MD5:16:27', 'SHA256:short', LINE.replace('ed25519', 'rsa'), 'ssh-ed25519 AAAA'])(
		'is none in %j',
		(text) => {
			expect(readHostKey(text)).toBeNull();
		},
	);

	it('is demanded, and the error says where it comes from', () => {
		const settings = { host: 'files.example.org', user: 'ada', password: 'p' };
		expect(() => parseInput(sftpSettingsSchema, settings)).toThrow(
			'hostKey: expected "SHA256:…" as ssh-keygen -lf shows it',
		);
	});

	it('tells its kind and its fingerprint on the wire', () => {
		const key = Buffer.from(LINE.split(' ')[1] ?? '', 'base64');
		expect([typeOf(key), fingerprintOf(key)]).toEqual(['ssh-ed25519', FINGERPRINT]);
		expect(typeOf(Buffer.from([0, 0]))).toBe('');
	});

	it('asks a server for the pinned kind, or for each kind once', () => {
		const known = readHostKey(LINE);
		const bare = readHostKey(`SHA256:${FINGERPRINT}`);
		if (!known || !bare) throw new Error('keys');
		expect(algorithmsFor([known], new Set())).toEqual(['ssh-ed25519']);
		expect(algorithmsFor([bare], new Set(['ssh-ed25519', 'ssh-rsa']))).toEqual([
			'ecdsa-sha2-nistp256',
			'ecdsa-sha2-nistp384',
			'ecdsa-sha2-nistp521',
		]);
		expect(algorithmsFor([known], new Set(['ssh-ed25519']))).toEqual([]);
	});
});
