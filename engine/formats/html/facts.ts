import type { JsonObject, JsonValue } from '../../contract/json.ts';
import type { ReportMeta } from '../format.port.ts';
import { momentWriter } from '../shared/report/moment.ts';
import { markup, type Html } from './template.ts';

/** What a reader wants to know before the rows: of when, for when, with which parameters. */
export function factsOf(meta: ReportMeta): Html {
	const moment = momentWriter(meta.timeZone);
	return markup`<dl class="facts">
${meta.nominalAt === null ? null : fact('Scheduled for', moment(meta.nominalAt))}${
		meta.window === null ? null : fact('Period', period(meta.window, moment))
	}${fact('Result came', moment(meta.resultAt))}${fact('Time zone', meta.timeZone)}${parameters(meta.parameters)}</dl>
`;
}

function fact(name: string, value: string | Html): Html {
	return markup`<div><dt>${name}</dt><dd>${value}</dd></div>
`;
}

function period(
	{ start, end }: NonNullable<ReportMeta['window']>,
	moment: (iso: string) => string,
): Html {
	return start === null
		? markup`<span><u>up to</u> ${moment(end)}</span>`
		: markup`<span>${moment(start)}</span><span><u>to</u> ${moment(end)}</span>`;
}

function parameters(given: JsonObject): Html | null {
	const entries = Object.entries(given);
	if (entries.length === 0) return null;
	const list = entries.map(
		([name, value]) => markup`<span><b>${name}</b> ${parameter(value)}</span>`,
	);
	return markup`<div class="wide"><dt>Parameters</dt><dd>${list}</dd></div>
`;
}

function parameter(value: JsonValue): string | Html {
	if (typeof value === 'string') return value;
	const text = JSON.stringify(value);
	return typeof value === 'object' && value !== null ? markup`<code>${text}</code>` : text;
}

/** The same as lines of text, for where there is no room for more. */
export function textFacts(meta: ReportMeta): { name: string; text: string }[] {
	const moment = momentWriter(meta.timeZone);
	const { nominalAt, window, resultAt, timeZone, parameters: given } = meta;
	const start = window?.start ?? null;
	const entries = Object.entries(given).map(
		([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
	);
	return [
		...(nominalAt === null ? [] : [{ name: 'Scheduled for', text: moment(nominalAt) }]),
		...(window === null
			? []
			: [
					{
						name: 'Period',
						text: `${start === null ? 'up' : moment(start)} to ${moment(window.end)}`,
					},
				]),
		{ name: 'Result came', text: moment(resultAt) },
		{ name: 'Time zone', text: timeZone },
		...(entries.length === 0 ? [] : [{ name: 'Parameters', text: entries.join(', ') }]),
	];
}
