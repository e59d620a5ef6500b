import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Parcel, SendOutcome } from '../../../engine/channels/channel.port.ts';
import { failureFrom } from '../../../engine/channels/file/failure.ts';
import { createFileChannel } from '../../../engine/channels/file/index.ts';
import { systemClock } from '../../../engine/clock.ts';
import { largeParcel, parcelOf } from '../../support/parcels.ts';

let base: string;
let root: string;
let outside: string;
beforeEach(async () => {
	base = await mkdtemp(join(tmpdir(), 'capscheduler-file-'));
	root = join(base, 'root');
	outside = join(base, 'outside');
	await mkdir(root);
	await mkdir(outside);
});
afterEach(async () => {
	await rm(base, { recursive: true, force: true });
});

const channel = (roots = [root]) => createFileChannel({ roots, clock: systemClock });

async function send(
	settings: Record<string, unknown>,
	parcel: Parcel = parcelOf('a,b\n'),
	{ attempt = 1 } = {},
): Promise<SendOutcome> {
	const parsed = channel().settings.parse(settings);
	const prepared = channel().prepare(parsed, parcel);
	const { signal } = new AbortController();
	return channel().send(prepared, parsed, parcel, { signal, attempt, timeout: 5000 });
}

const names = async (folder = root): Promise<string[]> => (await readdir(folder)).sort();
const text = async (name: string): Promise<string> => readFile(join(root, name), 'utf8');

describe('a name that is taken', () => {
	it('gets a suffix, and keeps what was there', async () => {
		for (const body of ['one', 'two', 'three']) await send({ folder: '.' }, parcelOf(body));
		expect(await names()).toEqual(['report-1.csv', 'report-2.csv', 'report.csv']);
		expect(await text('report.csv')).toBe('one');
		expect(await text('report-2.csv')).toBe('three');
	});

	it('gets a suffix that fits into 255 bytes', async () => {
		const filename = `${'ü'.repeat(125)}.csv`;
		for (const body of ['one', 'two']) await send({ folder: '.' }, parcelOf(body, { filename }));
		expect((await names()).every((name) => Buffer.byteLength(name) <= 255)).toBe(true);
		expect(await names()).toHaveLength(2);
	});

	it('is replaced where that is wanted', async () => {
		for (const body of ['one', 'two']) {
			await send({ folder: '.', overwrite: 'replace' }, parcelOf(body));
		}
		expect(await names()).toEqual(['report.csv']);
		expect(await text('report.csv')).toBe('two');
	});

	it('is refused where that is wanted, for good', async () => {
		await send({ folder: '.', overwrite: 'refuse' }, parcelOf('one'));
		expect(await send({ folder: '.', overwrite: 'refuse' }, parcelOf('two'))).toMatchObject({
			code: 'TARGET_REFUSED',
			retry: 'never',
		});
		expect(await names()).toEqual(['report.csv']);
		expect(await text('report.csv')).toBe('one');
	});

	it('by a folder or a link is never written through', async () => {
		await writeFile(join(outside, 'kept'), 'kept');
		await symlink(join(outside, 'kept'), join(root, 'report.csv'));
		for (const overwrite of ['refuse', 'suffix', 'replace']) {
			await send({ folder: '.', overwrite }, parcelOf(overwrite));
		}
		expect(await readFile(join(outside, 'kept'), 'utf8')).toBe('kept');
		expect(await text('report-1.csv')).toBe('suffix');
		expect(await text('report.csv')).toBe('replace');
		await mkdir(join(root, 'taken.csv'));
		expect(
			await send({ folder: '.', overwrite: 'replace' }, parcelOf('x', { filename: 'taken.csv' })),
		).toMatchObject({ code: 'TARGET_REFUSED' });
		expect(await names()).toEqual(['report-1.csv', 'report.csv', 'taken.csv']);
	});

	it.each(['suffix', 'replace', 'refuse'])(
		'by the same bytes counts as delivered (%s)',
		async (overwrite) => {
			const parcel = parcelOf('same');
			await send({ folder: '.', overwrite }, parcel);
			const { ino } = await stat(join(root, 'report.csv'));
			expect(await send({ folder: '.', overwrite }, parcel, { attempt: 2 })).toMatchObject({
				kind: 'delivered',
				receipt: { location: join(root, 'report.csv'), remote: { inode: ino } },
			});
			expect(await names()).toEqual(['report.csv']);
		},
	);

	it('finds what it left under a suffix', async () => {
		await send({ folder: '.' }, parcelOf('other'));
		const parcel = parcelOf('mine');
		await send({ folder: '.' }, parcel);
		expect(await send({ folder: '.' }, parcel, { attempt: 2 })).toMatchObject({
			receipt: { location: join(root, 'report-1.csv') },
		});
		expect(await names()).toEqual(['report-1.csv', 'report.csv']);
	});
});

describe('after a crash', () => {
	it('sweeps its own half file and nobody else’s', async () => {
		const parcel = parcelOf('x');
		await writeFile(join(root, `.report.csv.${parcel.deliveryId}.00000000.part`), 'half');
		await writeFile(join(root, '.report.csv.dlv_other.00000000.part'), 'half');
		await send({ folder: '.' }, parcel, { attempt: 2 });
		expect(await names()).toEqual(['.report.csv.dlv_other.00000000.part', 'report.csv']);
	});

	it('a rival that was fenced cannot publish what is being written', async () => {
		const parcel = largeParcel(300_000);
		const outcomes = await Promise.all([
			send({ folder: '.' }, parcel, { attempt: 1 }),
			send({ folder: '.' }, parcel, { attempt: 2 }),
			send({ folder: '.' }, parcel, { attempt: 3 }),
		]);
		expect(outcomes.some(({ kind }) => kind === 'delivered')).toBe(true);
		for (const name of await names()) {
			expect((await stat(join(root, name))).size).toBe(parcel.size);
			expect(name).not.toContain('.part');
		}
	});
});

describe('folders', () => {
	it('are made below the root, never the root itself', async () => {
		expect(await send({ folder: 'a/b' })).toMatchObject({ kind: 'delivered' });
		expect(await names(join(root, 'a/b'))).toEqual(['report.csv']);
		expect(await send({ folder: 'c', mkdir: false })).toMatchObject({
			code: 'TARGET_UNREACHABLE',
			retry: 'later',
		});
		await rm(root, { recursive: true });
		expect(await send({ folder: 'a' })).toMatchObject({
			code: 'TARGET_UNREACHABLE',
			retry: 'later',
		});
		expect(await names(base)).toEqual(['outside']);
	});

	it.each([
		['../outside', 'PATH_INVALID'],
		['a/../../outside', 'PATH_INVALID'],
		['a\\..\\b', 'PATH_INVALID'],
		['a\0b', 'PATH_INVALID'],
		['a\nb', 'PATH_INVALID'],
		['/etc', 'FILE_ROOT_FORBIDDEN'],
		['/', 'FILE_ROOT_FORBIDDEN'],
	])('like %j are refused', async (folder, code) => {
		const parsed = channel().settings.parse({ folder });
		await expect(channel().check(parsed)).rejects.toMatchObject({
			code,
			status: 422,
			issues: [{ path: 'folder' }],
		});
		expect(() => channel().prepare(parsed, parcelOf('x'))).toThrow();
	});

	it('beside a root that only begins like it are refused', async () => {
		const parsed = channel().settings.parse({ folder: `${root}-2` });
		await expect(channel().check(parsed)).rejects.toMatchObject({ code: 'FILE_ROOT_FORBIDDEN' });
	});

	it('are refused while the operator allows none', async () => {
		const none = channel([]);
		await expect(none.check(none.settings.parse({ folder: '/tmp' }))).rejects.toThrow(
			'CAPSCHEDULER_FILE_ROOTS',
		);
	});

	it('that a link leads out of the root are refused, and nothing is made there', async () => {
		await symlink(outside, join(root, 'link'));
		for (const folder of ['link', 'link/below', 'link/below/deeper']) {
			const parsed = channel().settings.parse({ folder });
			await expect(channel().check(parsed)).rejects.toMatchObject({ code: 'FILE_ROOT_FORBIDDEN' });
			expect(await send({ folder })).toMatchObject({ code: 'FILE_ROOT_FORBIDDEN', retry: 'never' });
		}
		expect(await names(outside)).toEqual([]);
	});

	it('that a link to nowhere stands for are not made', async () => {
		await symlink(join(outside, 'later'), join(root, 'dangling'));
		expect((await send({ folder: 'dangling/x' })).kind).toBe('failed');
		expect(await names(outside)).toEqual([]);
	});

	it('may be links inside the root, and the root may be one', async () => {
		await mkdir(join(root, 'true'));
		await symlink(join(root, 'true'), join(root, 'link'));
		expect(await send({ folder: 'link' })).toMatchObject({
			receipt: { location: join(root, 'true', 'report.csv') },
		});
	});

	it('with a file in their way fail', async () => {
		await writeFile(join(root, 'file'), '');
		expect(await send({ folder: 'file/x' })).toMatchObject({
			code: 'TARGET_REFUSED',
			retry: 'later',
		});
	});
});

describe('names', () => {
	it.each([
		'',
		'.',
		'..',
		'../x',
		'a/b',
		'a\\b',
		'.hidden',
		'a\nb',
		'a\0',
		'\u2028',
		'\ud800',
		'x'.repeat(256),
		'ü'.repeat(128),
	])('like %j are refused before anything is written', async (filename) => {
		await expect(send({ folder: '.' }, parcelOf('x', { filename }))).rejects.toMatchObject({
			code: 'PATH_INVALID',
		});
		expect(await names()).toEqual([]);
	});
});

describe('errors of the system', () => {
	it.each([
		['ENOSPC', 'STORAGE_FULL', 'later'],
		['EDQUOT', 'STORAGE_FULL', 'later'],
		['EACCES', 'TARGET_REFUSED', 'later'],
		['EROFS', 'TARGET_REFUSED', 'later'],
		['ENOENT', 'TARGET_UNREACHABLE', 'later'],
		['ENAMETOOLONG', 'PATH_INVALID', 'never'],
		['EIO', 'TARGET_FAULT', 'later'],
	])('%s is %s, %s', (errno, code, retry) => {
		const error = Object.assign(new Error('canary'), { code: errno });
		const outcome = failureFrom(error, { folder: '/out' });
		expect(outcome).toMatchObject({ kind: 'failed', code, retry });
		expect(JSON.stringify(outcome)).not.toContain('canary');
	});
});
