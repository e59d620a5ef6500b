import type { Parcel, ReportLink } from '../channel.port.ts';
import { escapeHtml } from '../shared/escape.ts';
import type { SmallTable } from '../shared/summary.ts';
import { sizeText, tableAsText } from '../shared/summary.ts';
import { oneLine, renderTemplate } from '../shared/template.ts';
import type { EmailSettings } from './settings.ts';

/** What a mail says. */
export interface Words {
	title: string;
	/** Of the user, above everything; may have several lines. */
	intro: string;
	/** Names and values of one line. */
	facts: readonly (readonly [string, string])[];
	table: SmallTable | null;
	link: { url: string; until: string | null } | null;
}

export function wordsOf(
	parcel: Parcel,
	{ text }: EmailSettings,
	{ how, table, link }: { how: string; table: SmallTable | null; link: ReportLink | null },
): Words {
	const title = oneLine(renderTemplate('{{title}}', parcel));
	const intro = renderTemplate(text, parcel);
	const { message } = parcel;
	if (message !== undefined) {
		const told = message.link;
		return {
			title: message.title,
			intro,
			facts: message.facts,
			table: null,
			link: told === null ? null : { url: told.url, until: told.expiresAt },
		};
	}
	const file = `${parcel.filename}, ${sizeText(parcel.size)}${how}`;
	const due: [string, string][] = parcel.nominalAt === null ? [] : [['Due', parcel.nominalAt]];
	const until = link === null ? null : { url: link.url, until: link.expiresAt };
	return { title, intro, facts: [...due, ['File', file]], table, link: until };
}

export function asText({ title, intro, facts, table, link }: Words): string {
	const parts = [title];
	if (intro !== '') parts.push(intro);
	parts.push(facts.map(([name, value]) => `${name}: ${value}`).join('\n'));
	if (table !== null) {
		parts.push(tableAsText(table) + (table.rest === '' ? '' : `\n(${table.rest})`));
	}
	if (link !== null) parts.push(`Download${untilText(link.until)}:\n${link.url}`);
	return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const FONT = 'font-family:Segoe UI,Roboto,Helvetica,Arial,sans-serif;font-size:14px;color:#1f2328';
const CELL = 'padding:4px 10px;border:1px solid #d0d7de;text-align:left;vertical-align:top';

/** Escaped by construction: every value passes `escapeHtml`. */
export function asHtml({ title, intro, facts, table, link }: Words): string {
	const parts = [`<h2 style="margin:0 0 12px;font-size:18px">${escapeHtml(title)}</h2>`];
	if (intro !== '') {
		parts.push(`<p style="margin:0 0 12px;white-space:pre-line">${escapeHtml(intro)}</p>`);
	}
	const rows = facts.map(
		([name, value]) =>
			`<tr><td style="padding:2px 12px 2px 0;color:#59636e;vertical-align:top">${escapeHtml(name)}</td><td style="padding:2px 0">${escapeHtml(value)}</td></tr>`,
	);
	parts.push(
		`<table role="presentation" style="border-collapse:collapse;margin:0 0 12px">${rows.join('')}</table>`,
	);
	if (table !== null) parts.push(tableAsHtml(table));
	if (link !== null) {
		parts.push(
			`<p style="margin:12px 0"><a href="${escapeHtml(link.url)}">Download</a>${escapeHtml(untilText(link.until))}</p>`,
		);
	}
	return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title></head>\n<body style="${FONT}">\n${parts.join('\n')}\n</body></html>\n`;
}

function tableAsHtml({ heads, rows, rest }: SmallTable): string {
	const row = (tag: 'th' | 'td', cells: readonly string[]): string =>
		`<tr>${cells.map((cell) => `<${tag} style="${CELL}">${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
	const note = rest === '' ? '' : `<p style="margin:4px 0 0;color:#59636e">${escapeHtml(rest)}</p>`;
	const body = rows.map((cells) => row('td', cells)).join('\n');
	return `<table style="border-collapse:collapse">\n${row('th', heads)}\n${body}\n</table>${note}`;
}

function untilText(until: string | null): string {
	return until === null ? '' : ` (until ${until})`;
}
