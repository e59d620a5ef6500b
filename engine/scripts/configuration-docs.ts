import { PREFIX, SETTINGS, TEST_PREFIX } from '../contract/settings.ts';
import type { Setting } from '../contract/settings.ts';
import type { GeneratedFile } from './generated-file.ts';

const HEAD = `# Configuration

<!-- Generated from engine/contract/settings.ts by \`node engine/scripts/generate-docs.ts\`; do not edit. -->

The engine is configured by environment variables alone, and needs none of them to start. An empty variable counts
as not set. A name that begins with \`${PREFIX}\` and is no setting stops the start, with the nearest name that is one
(\`${TEST_PREFIX}*\` is left to tests). All that is wrong is told at once.

Durations are written like \`90s\`, \`5m\`, \`1h30m\` or \`30d\`; sizes like \`500KB\`, \`1MB\` or \`2GB\`, in decimal units;
lists are separated by commas; relative paths start at the folder in which the engine is started.

\`capscheduler doctor\` checks the settings without starting the engine.
`;

export function configurationDocs(): GeneratedFile[] {
	const entries = Object.entries<Setting<unknown>>(SETTINGS);
	const groups = new Map<string, string[]>();
	for (const [name, setting] of entries) {
		const rows = groups.get(setting.group) ?? [];
		groups.set(setting.group, [...rows, row(name, setting)]);
	}
	const sections = [...groups].map(
		([group, rows]) =>
			`## ${group}\n\n| name | value | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`,
	);
	return [{ path: 'docs/configuration.md', text: [HEAD, ...sections].join('\n') }];
}

function row(name: string, { form, fallback, meaning, secret }: Setting<unknown>): string {
	const shown = fallback === undefined || fallback === '' ? 'none' : `\`${fallback}\``;
	const cells = [
		`\`${PREFIX}${name}\``,
		form,
		shown,
		secret ? `${meaning} Masked in every message.` : meaning,
	];
	return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
