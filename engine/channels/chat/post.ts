import type { Parcel } from '../channel.port.ts';
import { sizeText, smallTable } from '../shared/summary.ts';
import type { SmallTable } from '../shared/summary.ts';
import { oneLine, renderTemplate } from '../shared/template.ts';
import type { ChatSettings } from './settings.ts';

/** What a post says, before a service gives it its form. All texts are plain: nothing in them is markup. */
export interface Post {
	title: string;
	tone: 'good' | 'bad' | 'plain';
	/** May have several lines. */
	text: string;
	facts: readonly (readonly [name: string, value: string])[];
	table: SmallTable | null;
	link: { url: string; until: string | null } | null;
}

const TABLE = { columns: 6, cell: 30 } as const;

export async function postOf(parcel: Parcel, settings: ChatSettings): Promise<Post> {
	const title = oneLine(renderTemplate('{{title}}', parcel), 150);
	const text = renderTemplate(settings.text, parcel);
	const { message, report } = parcel;
	if (message !== undefined) {
		const { link } = message;
		return {
			title: oneLine(message.title, 150),
			tone: message.tone,
			text,
			facts: message.facts,
			table: null,
			link: link === null ? null : { url: link.url, until: link.expiresAt },
		};
	}
	const table = await smallTable(parcel, { ...TABLE, rows: settings.rows });
	const link = settings.link && report !== undefined ? await report.link() : null;
	const due: [string, string][] = parcel.nominalAt === null ? [] : [['Due', parcel.nominalAt]];
	return {
		title,
		tone: 'plain',
		text,
		facts: [...due, ['File', `${parcel.filename}, ${sizeText(parcel.size)}`]],
		table,
		link: link === null ? null : { url: link.url, until: link.expiresAt },
	};
}

export function untilText({ until }: NonNullable<Post['link']>): string {
	return until === null ? '' : ` (until ${until})`;
}

/** Whole characters, at most so many UTF-16 units, which is what the services count. */
export function cut(text: string, max: number): string {
	if (text.length <= max) return text;
	let kept = '';
	for (const character of text) {
		if (kept.length + character.length > max - 1) break;
		kept += character;
	}
	return `${kept}…`;
}

/** The table with as many rows as `render` can give within the limit; empty when not even one fits. */
export function fitTable(
	table: SmallTable,
	max: number,
	render: (table: SmallTable) => string,
): string {
	for (let rows = table.rows.length; rows > 0; rows--) {
		const less = rows < table.rows.length;
		const rest = less ? 'more rows are in the file' : table.rest;
		const text = render({ ...table, rows: table.rows.slice(0, rows), rest });
		if (text.length <= max) return text;
	}
	return '';
}
