import type { JsonObject } from '../../contract/json.ts';
import { tableAsText } from '../shared/summary.ts';
import type { SmallTable } from '../shared/summary.ts';
import type { Post } from './post.ts';
import { cut, fitTable, untilText } from './post.ts';
import type { ChatService } from './settings.ts';

/*
 * A post in the form of each service, within the limits that its documentation gives. What a stranger wrote is shown
 * as it is: no markup, and nobody is called by it (`@everyone`, `<!channel>`).
 */
export const FORMS: Readonly<Record<ChatService, (post: Post) => JsonObject>> = {
	slack,
	teams,
	discord,
	mattermost,
};

/** Block Kit: 150 characters of a header, 3000 of a section, 50 blocks; `text` is what notifications show. */
function slack(post: Post): JsonObject {
	const escape = (text: string): string =>
		text.replace(/[&<>]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[one] ?? '');
	// every mark would be formatting; a space without width keeps it from being that
	const literal = (text: string): string => escape(text).replace(/[*_~`@]/g, '$&\u200b');
	const section = (text: string): JsonObject => ({
		type: 'section',
		text: { type: 'mrkdwn', text, verbatim: true },
	});
	const facts = post.facts.map(([name, value]) => `*${literal(name)}:* ${literal(value)}`);
	const blocks: JsonObject[] = [
		{ type: 'header', text: { type: 'plain_text', text: cut(post.title, 150), emoji: false } },
		...(post.text === '' ? [] : [section(cut(literal(post.text), 3000))]),
		...(facts.length === 0 ? [] : [section(cut(facts.join('\n'), 3000))]),
	];
	const table =
		post.table === null
			? ''
			: fitTable(post.table, 2900, (less) => codeBlock(less, (text) => escape(text)));
	if (table !== '') blocks.push(section(table));
	if (post.link !== null) {
		// a link that was cut would lead nowhere
		blocks.push(section(`<${escape(post.link.url)}|Download>${escape(untilText(post.link))}`));
	}
	return { text: cut(literal(post.title), 300), blocks, unfurl_links: false, unfurl_media: false };
}

/** An Adaptive Card, 28 KB on the whole. Rich text blocks show their text as it is. */
function teams(post: Post): JsonObject {
	const colors = { good: 'Good', bad: 'Attention', plain: 'Default' } as const;
	const words = (text: string, more: JsonObject = {}): JsonObject => ({
		type: 'RichTextBlock',
		inlines: [{ type: 'TextRun', text, ...more }],
	});
	const title = { weight: 'Bolder', size: 'Large', color: colors[post.tone] };
	const facts = post.facts
		.slice(0, 20)
		.map(([name, value]) => words(`${cut(name, 100)}: ${cut(value, 500)}`));
	const card = (table: SmallTable | null): JsonObject => ({
		type: 'message',
		attachments: [
			{
				contentType: 'application/vnd.microsoft.card.adaptive',
				contentUrl: null,
				content: {
					$schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
					type: 'AdaptiveCard',
					version: '1.5',
					msteams: { width: 'Full' },
					body: [
						words(cut(post.title, 150), title),
						...(post.text === '' ? [] : [words(cut(post.text, 2000))]),
						...facts,
						...(table === null ? [] : [cardTable(table, words)]),
						...(table === null || table.rest === '' ? [] : [words(table.rest, { isSubtle: true })]),
					],
					...(post.link === null
						? {}
						: {
								actions: [
									{
										type: 'Action.OpenUrl',
										title: `Download${untilText(post.link)}`,
										url: post.link.url,
									},
								],
							}),
				},
			},
		],
	});
	let { table } = post;
	while (table !== null && Buffer.byteLength(JSON.stringify(card(table))) > TEAMS_BYTES) {
		const rows = table.rows.slice(0, -1);
		table = rows.length === 0 ? null : { ...table, rows, rest: 'more rows are in the file' };
	}
	return card(table);
}

const TEAMS_BYTES = 25_000;

function cardTable({ heads, rows }: SmallTable, words: (text: string) => JsonObject): JsonObject {
	const line = (cells: readonly string[]): JsonObject => ({
		type: 'TableRow',
		cells: cells.map((cell) => ({ type: 'TableCell', items: [words(cell)] })),
	});
	return {
		type: 'Table',
		firstRowAsHeader: true,
		columns: heads.map(() => ({ width: 1 })),
		rows: [heads, ...rows].map(line),
	};
}

/** An embed: 256 characters of a title, 4096 of a description, 6000 on the whole; nobody is mentioned. */
function discord(post: Post): JsonObject {
	const literal = (text: string): string => text.replace(/[\\*_~`|>#[\]()<@:-]/g, '\\$&');
	const parts = [
		...(post.text === '' ? [] : [cut(literal(post.text), 1500)]),
		cut(
			post.facts.map(([name, value]) => `**${literal(name)}:** ${literal(value)}`).join('\n'),
			1500,
		),
	];
	const link = post.link === null ? '' : `[Download](${post.link.url})${untilText(post.link)}`;
	const room = 4096 - parts.join('\n\n').length - link.length - 10;
	const table = post.table === null ? '' : fitTable(post.table, room, codeBlock);
	const description = [...parts, table, link].filter((part) => part !== '').join('\n');
	const colors = { good: 0x2da44e, bad: 0xcf222e, plain: 0x0969da } as const;
	return {
		embeds: [{ title: cut(literal(post.title), 256), description, color: colors[post.tone] }],
		allowed_mentions: { parse: [] },
	};
}

/** Markdown with tables, 16,383 characters. */
function mattermost(post: Post): JsonObject {
	const literal = (text: string): string =>
		text.replace(/[\\*_~`|>#[\]()<:-]/g, '\\$&').replace(/@/g, '@\u200b');
	const marks = { good: ':white_check_mark: ', bad: ':warning: ', plain: '' } as const;
	const parts = [
		`#### ${marks[post.tone]}${literal(post.title)}`,
		...(post.text === '' ? [] : [cut(literal(post.text), 3000)]),
		cut(
			post.facts.map(([name, value]) => `**${literal(name)}:** ${literal(value)}`).join('\n'),
			5000,
		),
	];
	if (post.table !== null) {
		parts.push(fitTable(post.table, 6000, (less) => markdownTable(less, literal)));
	}
	if (post.link !== null) parts.push(`[Download](${post.link.url})${untilText(post.link)}`);
	return { text: parts.filter((part) => part !== '').join('\n\n') };
}

function markdownTable(
	{ heads, rows, rest }: SmallTable,
	literal: (text: string) => string,
): string {
	const line = (cells: readonly string[]): string => `| ${cells.map(literal).join(' | ')} |`;
	const table = [
		line(heads),
		line(heads.map(() => '')).replace(/\| {2}/g, '| --- '),
		...rows.map(line),
	];
	return table.join('\n') + (rest === '' ? '' : `\n\n${rest}`);
}

/** As wide as its columns, in a box where nothing is markup; marks that would end the box are taken apart. */
function codeBlock(table: SmallTable, escape: (text: string) => string = (text) => text): string {
	const rest = table.rest === '' ? '' : `\n${escape(table.rest)}`;
	return `\`\`\`\n${escape(tableAsText(table)).replaceAll('`', "'")}\n\`\`\`${rest}`;
}
