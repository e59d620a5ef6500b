import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const LEVELS: Readonly<Record<string, { word: string; style: Style }>> = {
	debug: { word: 'debug', style: 'gray' },
	info: { word: 'info ', style: 'green' },
	warn: { word: 'warn ', style: 'yellow' },
	error: { word: 'error', style: 'red' },
};

export interface PrettyOptions {
	write: (line: string) => void;
	/** Default: when standard error is a terminal that shows colours (NO_COLOR and FORCE_COLOR are heeded). */
	colour?: boolean | undefined;
}

/** Turns a line of JSON into one for people: `09:00:00.123 info  run succeeded  runId=run_… seconds=0.2`. */
export function createPretty({ write, colour }: PrettyOptions): (line: string) => void {
	const paint = (style: Style, text: string): string => {
		if (colour === false) return text;
		return styleText(
			style,
			text,
			colour === true ? { validateStream: false } : { stream: process.stderr },
		);
	};
	return (line) => {
		const { level, time, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
		const { word, style } = LEVELS[String(level)] ?? { word: String(level), style: 'gray' };
		const head = `${paint('gray', String(time).slice(11, 23))} ${paint(style, word)} ${printable(String(message))}`;
		const tail = Object.entries(fields).map(
			([name, value]) => paint('gray', `${name}=`) + printable(show(value)),
		);
		write(`${[head, ...tail].join('  ')}\n`);
	};
}

function show(value: unknown): string {
	if (typeof value !== 'object' || value === null) {
		const text = String(value);
		return text.includes(' ') || text === '' ? JSON.stringify(text) : text;
	}
	const { code, message, stack, cause } = value as Record<string, unknown>;
	const because = cause === undefined ? '' : ` <- ${show(cause)}`;
	return `${String(code)}: ${String(message)}${because}${typeof stack === 'string' ? `\n${stack}` : ''}`;
}

/** Line breaks only inside a stack; nothing that a terminal would obey. */
function printable(text: string): string {
	return text.replace(
		// eslint-disable-next-line no-control-regex
		/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g,
		(character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
	);
}
