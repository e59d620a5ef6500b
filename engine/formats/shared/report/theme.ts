import { z } from 'zod';

import { readPng, type Pixels } from './png.ts';

const MAX_LOGO = 512 * 1024;
const LOGO = /^data:image\/(png|jpeg);base64,([A-Za-z0-9+/]+={0,2})$/;

const colour = z.string().regex(/^#[0-9a-fA-F]{6}$/, { error: 'a colour such as #0b6e5f' });

export const themeSchema = z
	.strictObject({
		accent: colour.default('#0b6e5f').describe('The colour of lines, marks and charts'),
		ink: colour.default('#1b1f24').describe('The colour of text'),
		logo: z
			.string()
			.max(MAX_LOGO)
			.refine((uri) => readLogo(uri) !== undefined, {
				error: 'a JPEG, or a PNG of 8 bits that is not interlaced, as data:image/png;base64,…',
			})
			.optional()
			.describe('A picture at the top: `data:image/png;base64,…`; PNG or JPEG of at most 512 KB'),
		fontSize: z
			.number()
			.min(6)
			.max(16)
			.optional()
			.describe('Of the rows: points on paper; a page on a screen grows and shrinks with it'),
	})
	.prefault({})
	.describe('How it looks');
export type Theme = z.output<typeof themeSchema>;

export interface Logo {
	bytes: Buffer;
	/** Of a PNG. */
	pixels: Pixels | undefined;
}

/** @returns undefined when it is no picture of a type that every reader shows */
export function readLogo(uri: string): Logo | undefined {
	const [, type, base64 = ''] = LOGO.exec(uri) ?? [];
	if (type !== 'png' && type !== 'jpeg') return undefined;
	const bytes = Buffer.from(base64, 'base64');
	if (type === 'jpeg') return isJpeg(bytes) ? { bytes, pixels: undefined } : undefined;
	const pixels = readPng(bytes);
	return pixels && { bytes, pixels };
}

/** Whether there is a frame of one or three colours, with sides: what a reader needs of a JPEG. */
function isJpeg(bytes: Buffer): boolean {
	if (bytes.toString('hex', 0, 3) !== 'ffd8ff') return false;
	for (let at = 2; at + 10 < bytes.length && bytes[at] === 0xff;) {
		const marker = bytes[at + 1] ?? 0;
		const isFrame = marker >= 0xc0 && marker <= 0xc2;
		if (isFrame) {
			const parts = bytes[at + 9];
			return bytes.readUInt32BE(at + 5) > 0 && (parts === 1 || parts === 3);
		}
		at += 2 + bytes.readUInt16BE(at + 2);
	}
	return false;
}
