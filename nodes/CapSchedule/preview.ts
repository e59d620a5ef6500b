import type { IDataObject, ILoadOptionsFunctions, INodePropertyOptions } from 'n8n-workflow';

import { call } from '../shared/transport';
import type { TimingOptions } from '../shared/timing';
import { timingOf } from './settings';

interface Preview extends IDataObject {
	occurrences: { local: string; planned: 'run' | 'skip'; reason: string | null; notes: string[] }[];
	warnings: { message: string }[];
}

const SHOWN = 5;

/** When the workflow runs next, as entries of a list: the panel knows no better place for what is computed. */
export async function previewOccurrences(
	this: ILoadOptionsFunctions,
): Promise<INodePropertyOptions[]> {
	const parameters = this.getCurrentNodeParameters() ?? {};
	const options = (parameters.options ?? {}) as TimingOptions;
	const timeZone = options.timeZone || zoneOrNothing(parameters.workflowTimeZone);
	const timing = timingOf(this, {
		rule: (parameters.rule ?? {}) as IDataObject,
		options: { ...options, ...(timeZone === undefined ? {} : { timeZone }) },
	});
	const { occurrences, warnings } = await call<Preview>(this, {
		method: 'POST',
		path: '/v1/timing/preview',
		body: { timing, count: SHOWN },
	});
	if (occurrences.length === 0) return [{ name: 'Never', value: '' }];
	return occurrences.map(({ local, planned, reason, notes }, index) => {
		const remarks = [
			...(planned === 'skip' ? [reason ?? 'left out'] : []),
			...notes,
			...(index === 0 ? warnings.map(({ message }) => message) : []),
		];
		return {
			name: `${readable(local)}${planned === 'skip' ? ' (skipped)' : ''}`,
			// the first is what the field shows: its default is empty
			value: index === 0 ? '' : local,
			...(remarks.length === 0 ? {} : { description: remarks.join('; ') }),
		};
	});
}

/** The editor sends what the expression gives; whoever else asks may send the expression. */
const zoneOrNothing = (value: unknown): string | undefined =>
	typeof value === 'string' && /^[A-Z][\w+-]*(?:\/[\w+-]+)*$/i.test(value) ? value : undefined;

/** `2027-01-31T09:00:00+01:00[Europe/Berlin]` as people read it. */
function readable(local: string): string {
	const [, date = local, time = '', zone = ''] =
		/^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?).*?(?:\[(.*)\])?$/.exec(local) ?? [];
	const weekday = new Intl.DateTimeFormat('en-US', { weekday: 'short', timeZone: 'UTC' }).format(
		new Date(`${date}T00:00:00Z`),
	);
	return `${weekday} ${date} ${time.replace(/:00$/, '')}${zone === '' ? '' : ` ${zone}`}`;
}
