import type { IDataObject, IExecuteFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { readObject, readParameters, textOf } from '../shared/parameter-form';
import type { PolicyFields } from '../shared/policies';
import { buildPolicies } from '../shared/policies';
import type { IntervalRule, TimingOptions } from '../shared/timing';
import { buildTiming } from '../shared/timing';
import { given } from './resource';

/* What is sent for schedules. */

interface ScheduleOptions extends TimingOptions, PolicyFields {
	name?: string;
	callback?: string;
}

const MODES = ['json', 'rules', 'words'];

/** `timing`, or one of the short forms; none where the timing is to stay. */
export function whenOf(context: IExecuteFunctions, itemIndex: number): IDataObject {
	const options = context.getNodeParameter('options', itemIndex, {}) as ScheduleOptions;
	const timeZone = options.timeZone || context.getTimezone();
	const mode = context.getNodeParameter('timingMode', itemIndex) as string;
	if (!MODES.includes(mode)) return {};
	if (mode === 'json') return { timing: readObject(context, 'timingJson', itemIndex) };
	const refuse = (message: string) =>
		new NodeOperationError(context.getNode(), message, { itemIndex });
	if (mode === 'words') {
		const words = textOf(context, 'words', itemIndex);
		if (words === '')
			throw refuse('"Words" is empty: write when it is due, like "every weekday at 09:00"');
		return inWords(words, timeZone);
	}
	const rules = context.getNodeParameter('rule.interval', itemIndex, []) as IntervalRule[];
	return { timing: buildTiming(rules, { ...options, timeZone }, refuse) };
}

const ONCE = /^in\s|^\d{4}-\d\d-\d\d/i;
/** Counted from now on: no clock is asked. */
const SPAN = /^every\s+(\d+(\.\d+)?\s*)?([smhd]|secs?|mins?|hrs?|seconds?|minutes?|hours?)$/i;
const CRON = /^[\d*@]/;
/** An ordinal begins a sentence: `1st of the month`. */
const ORDINAL = /^\d+(st|nd|rd|th)\b/i;

/** Words mean the clock of the workflow where they name no other. */
function inWords(words: string, timeZone: string): IDataObject {
	if (ONCE.test(words)) return { time: words };
	if (SPAN.test(words) || isZone(words.split(/\s+/).at(-1) ?? '')) return { frequency: words };
	if (CRON.test(words) && !ORDINAL.test(words)) return { timing: { cron: words, timeZone } };
	return { frequency: `${words} in ${timeZone}` };
}

function isZone(word: string): boolean {
	// numbers are offsets for some, and hours for us
	if (!/^[a-z]/i.test(word)) return false;
	try {
		new Intl.DateTimeFormat('en', { timeZone: word });
		return true;
	} catch {
		return false;
	}
}

/** A JSON field of a collection; nothing where it was not added. */
function objectIn(
	context: IExecuteFunctions,
	parameter: string,
	itemIndex: number,
): IDataObject | undefined {
	const value = context.getNodeParameter(parameter, itemIndex, null);
	return value === null ? undefined : readObject(context, parameter, itemIndex);
}

function policiesOf(
	context: IExecuteFunctions,
	collection: string,
	itemIndex: number,
): IDataObject {
	const fields = context.getNodeParameter(collection, itemIndex, {}) as PolicyFields;
	return merged(
		objectIn(context, `${collection}.policies`, itemIndex) ?? {},
		buildPolicies(fields),
	);
}

/** Policies are objects one level deep, like `retry` with its attempts and delay. */
function merged(below: IDataObject, above: IDataObject): IDataObject {
	const both = Object.entries(above).map(([name, value]) => {
		const under = below[name];
		return [name, isObject(value) && isObject(under) ? { ...under, ...value } : value];
	});
	return { ...below, ...(Object.fromEntries(both) as IDataObject) };
}

const isObject = (value: unknown): value is IDataObject =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

export function createBody(context: IExecuteFunctions, itemIndex: number): IDataObject {
	const { name, callback } = context.getNodeParameter('options', itemIndex, {}) as ScheduleOptions;
	const delivery = readObject(context, 'delivery', itemIndex);
	return {
		action: textOf(context, 'action', itemIndex),
		parameters: readParameters(context, itemIndex),
		...whenOf(context, itemIndex),
		policies: policiesOf(context, 'options', itemIndex),
		...(Object.keys(delivery).length === 0 ? {} : { delivery }),
		...given({
			name,
			callback,
			labels: objectIn(context, 'options.labels', itemIndex),
			metadata: objectIn(context, 'options.metadata', itemIndex),
		}),
	};
}

interface UpdateFields extends PolicyFields {
	action?: string;
	callback?: string;
	name?: string;
	reset?: string[];
}

/** What is to change; `policies` are to be laid over those that the schedule has. */
export function updateBody(context: IExecuteFunctions, itemIndex: number): IDataObject {
	const fields = context.getNodeParameter('updateFields', itemIndex, {}) as UpdateFields;
	const { action, callback, name, reset = [] } = fields;
	const policies = policiesOf(context, 'updateFields', itemIndex);
	const body = {
		...whenOf(context, itemIndex),
		...given({ action, callback, name }),
		...(Object.keys(policies).length === 0 ? {} : { policies }),
		...given({
			delivery: objectIn(context, 'updateFields.delivery', itemIndex),
			labels: objectIn(context, 'updateFields.labels', itemIndex),
			metadata: objectIn(context, 'updateFields.metadata', itemIndex),
			parameters: objectIn(context, 'updateFields.parameters', itemIndex),
		}),
		...Object.fromEntries(reset.map((field) => [field, null])),
	};
	if (Object.keys(body).length > 0) return body;
	throw new NodeOperationError(context.getNode(), 'There is nothing to change', {
		itemIndex,
		description: 'Add a field under "Update Fields", or choose a timing under "When".',
	});
}

/** The change for the schedule as it is: single policies leave the others alone. */
export function patchFor(body: IDataObject, current: IDataObject): IDataObject {
	if (!isObject(body.policies)) return body;
	return { ...body, policies: merged((current.policies ?? {}) as IDataObject, body.policies) };
}
