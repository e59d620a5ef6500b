import { z } from 'zod';

import { durationSchema } from '../../contract/time.ts';
import { OVERWRITE } from './names.ts';

/** No control characters: one would end a command, and begin the next. */
const PLAIN = /^\P{Cc}*$/u;
const NO_CONTROLS = 'text without control characters';

export const hostSchema = z
	.string()
	.regex(/^[A-Za-z0-9._:-]{1,253}$/, 'a host name or an IP address')
	.describe('A host name or an IP address.');
export const portSchema = z.number().int().min(1).max(65_535);
export const userSchema = z.string().min(1).max(200).regex(PLAIN, NO_CONTROLS);
export const passwordSchema = z.string().max(1000).regex(PLAIN, NO_CONTROLS);

/** Settings of every channel that puts files into folders. */
export const folderSettings = {
	folder: z
		.string()
		.max(1000)
		.refine(isFolder, { error: 'a folder without "..", "\\", "//" and control characters' })
		.default('')
		.describe('Absolute, or from where the login leads to; empty: right there.'),
	overwrite: z
		.enum(OVERWRITE)
		.default('suffix')
		.describe(
			'When the name is taken by other bytes: `name-1.csv`, put these in their place, or fail.',
		),
	mkdir: z.boolean().default(true).describe('Makes missing folders.'),
	verify: z
		.enum(['size', 'content'])
		.default('size')
		.describe(
			'What is compared before the file gets its name: its size, or, by reading it back, its SHA-256.',
		),
	connections: z
		.number()
		.int()
		.min(1)
		.max(64)
		.default(4)
		.describe('At a time. More deliveries wait for one.'),
	stall: durationSchema
		.default(60_000)
		.refine((value) => value >= 1000 && value <= 600_000, { error: 'between 1s and 10m' })
		.describe('For how long nothing may move before the attempt ends; between 1s and 10m.'),
};

function isFolder(folder: string): boolean {
	if (!PLAIN.test(folder) || folder.includes('\\') || !folder.isWellFormed()) return false;
	const parts = folder.replace(/^\//, '').replace(/\/$/, '').split('/');
	return folder === '' || folder === '/' || parts.every((part) => part !== '' && part !== '..');
}
