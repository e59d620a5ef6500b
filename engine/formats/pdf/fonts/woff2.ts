import { brotliDecompressSync } from 'node:zlib';

import { ByteReader } from './byte-reader.ts';
import { rebuildGlyphs, rebuildMetrics } from './woff2-glyphs.ts';

/** Tags in the order of their numbers, four characters each (WOFF2, section 4.1). */
const KNOWN_TAGS =
	'cmapheadhheahmtxmaxpnameOS/2postcvt fpgmglyflocaprepCFF VORGEBDTEBLCgasphdmxkernLTSHPCLTVDMXvheavmtx' +
	'BASEGDEFGPOSGSUBEBSCJSTFMATHCBDTCBLCCOLRCPALSVG sbixacntavarbdatblocbslncvarfdscfeatfmtxfvargvarhsty' +
	'justlcarmortmorxopbdproptrakZapfSilfGlatGlocFeatSill';
const SIGNATURE = 0x774f4632;
/** What of the header is of no use here: metadata and private blocks. */
const HEADER_REST = 24;

interface Entry {
	tag: string;
	transformed: boolean;
	/** Bytes in the compressed stream, once it is decompressed. */
	length: number;
}

/**
 * A WOFF2 file as the TrueType file it was made of: fontkit reads WOFF2, but makes neither subsets nor
 * instances of variable fonts out of it. Source: https://www.w3.org/TR/WOFF2/
 * @throws Error when it is no WOFF2 of TrueType outlines
 */
export function woff2ToTrueType(file: Buffer): Buffer {
	const reader = new ByteReader(file);
	if (reader.u32() !== SIGNATURE) throw new Error('woff2: expected the signature wOF2');
	const flavor = reader.u32();
	reader.u32();
	const count = reader.u16();
	reader.at += 6;
	const compressed = reader.u32();
	reader.at += HEADER_REST;
	const entries = Array.from({ length: count }, () => readEntry(reader));
	const data = new ByteReader(brotliDecompressSync(reader.take(compressed)));
	const tables = new Map(entries.map((entry) => [entry.tag, data.take(entry.length)]));
	const transformed = new Set(entries.filter((entry) => entry.transformed).map(({ tag }) => tag));
	undo(tables, transformed);
	return assemble(flavor, tables);
}

function readEntry(reader: ByteReader): Entry {
	const flags = reader.u8();
	const number = flags & 0x3f;
	const tag =
		number === 0x3f ? reader.take(4).toString('latin1') : KNOWN_TAGS.substr(number * 4, 4);
	const version = flags >> 6;
	const original = reader.base128();
	// glyphs are transformed in version 0, everything else in any other version
	const transformed = tag === 'glyf' || tag === 'loca' ? version === 0 : version !== 0;
	return { tag, transformed, length: transformed ? reader.base128() : original };
}

function undo(tables: Map<string, Buffer>, transformed: ReadonlySet<string>): void {
	const glyphs = tables.get('glyf');
	if (!transformed.has('glyf') || !glyphs) return;
	const { glyf, loca, leftmost } = rebuildGlyphs(glyphs);
	tables.set('glyf', glyf).set('loca', loca);
	const head = Buffer.from(tableOf(tables, 'head'));
	// the positions of glyphs are written as 32 bits
	head.writeInt16BE(1, 50);
	tables.set('head', head);
	if (!transformed.has('hmtx')) return;
	const measured = tableOf(tables, 'hhea').readUInt16BE(34);
	tables.set('hmtx', rebuildMetrics(tableOf(tables, 'hmtx'), { leftmost, measured }));
}

function tableOf(tables: ReadonlyMap<string, Buffer>, tag: string): Buffer {
	const table = tables.get(tag);
	if (!table) throw new Error(`woff2: the table ${tag} is missing`);
	return table;
}

/** Without checksums: what is embedded is a subset that fontkit writes anew. */
function assemble(flavor: number, tables: ReadonlyMap<string, Buffer>): Buffer {
	const sorted = [...tables].sort(([a], [b]) => (a < b ? -1 : 1));
	const directory = Buffer.alloc(12 + sorted.length * 16);
	directory.writeUInt32BE(flavor, 0);
	directory.writeUInt16BE(sorted.length, 4);
	const parts: Buffer[] = [directory];
	let at = directory.length;
	for (const [index, [tag, table]] of sorted.entries()) {
		const entry = 12 + index * 16;
		directory.write(tag, entry, 'latin1');
		directory.writeUInt32BE(at, entry + 8);
		directory.writeUInt32BE(table.length, entry + 12);
		const padded = (table.length + 3) & ~3;
		parts.push(table, Buffer.alloc(padded - table.length));
		at += padded;
	}
	return Buffer.concat(parts);
}
