import { createHash } from 'node:crypto';

import type { IDataObject, IHookFunctions, ILoadOptionsFunctions } from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import type { PolicyFields } from '../shared/policies';
import { buildPolicies } from '../shared/policies';
import type { IntervalRule, TimingOptions } from '../shared/timing';
import { buildTiming } from '../shared/timing';

/** When the run is over: at once, with the workflow's end, or when a RuntimeSession node says so. */
export type Respond = 'immediately' | 'lastNode' | 'session';

interface TriggerOptions extends TimingOptions, PolicyFields {
	name?: string;
	delivery?: unknown;
	parameters?: unknown;
}

/** The engine's schedule, as the node's parameters ask for it. */
export interface WantedSchedule extends IDataObject {
	action: string;
	name: string;
	timing: IDataObject;
	policies: IDataObject;
	delivery?: IDataObject;
	parameters?: IDataObject;
}

/** The name of the capability's only action. */
export const ACTION = 'run';

/** @throws NodeOperationError for rules that are incomplete */
export function wantedSchedule(context: IHookFunctions): WantedSchedule {
	const options = context.getNodeParameter('options', {}) as TriggerOptions;
	const { name: workflowName = 'n8n workflow' } = context.getWorkflow();
	return {
		action: ACTION,
		name: printable(options.name || workflowName),
		timing: timingOf(context, {
			rule: context.getNodeParameter('rule', {}) as IDataObject,
			options,
		}),
		policies: buildPolicies(options),
		...optionalObject(context, 'delivery', options.delivery),
		...optionalObject(context, 'parameters', options.parameters),
	};
}

/** Of an option that holds JSON, unless there is nothing in it. @throws NodeOperationError */
function optionalObject(
	context: IHookFunctions,
	name: 'delivery' | 'parameters',
	sent: unknown,
): { [name: string]: IDataObject } {
	const value = typeof sent === 'string' && sent.trim() !== '' ? parsed(sent) : (sent ?? {});
	if (value === '') return {};
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		throw new NodeOperationError(context.getNode(), `The option "${name}" is no JSON object`, {
			description: 'Write it as { "name": value }, or remove the option.',
		});
	}
	return Object.keys(value).length === 0 ? {} : { [name]: value as IDataObject };
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}

/** One line of at most 200 characters, as the engine takes titles. */
export const printable = (text: string): string =>
	// eslint-disable-next-line no-control-regex
	text.replaceAll(/[\u0000-\u001f\u007f]/g, ' ').slice(0, 200);

export function timingOf(
	context: IHookFunctions | ILoadOptionsFunctions,
	{ rule, options }: { rule: IDataObject; options: TimingOptions },
): IDataObject {
	const rules = (rule.interval ?? []) as unknown as IntervalRule[];
	const timeZone = options.timeZone || context.getTimezone();
	return buildTiming(
		rules,
		{ ...options, timeZone },
		(message) =>
			new NodeOperationError(context.getNode(), message, {
				description: 'Complete the trigger rules of this node.',
			}),
	);
}

export type Mode = 'production' | 'test';

/** Test and production are two registrations: one never touches the other's. */
export function capabilityName(context: IHookFunctions, mode: Mode): string {
	const place = [
		context.getInstanceId(),
		context.getWorkflow().id ?? '',
		context.getNode().id,
		mode,
	];
	const hash = createHash('sha256').update(place.join('\n')).digest('hex').slice(0, 24);
	return `n8n-${hash}${mode === 'test' ? '-test' : ''}`;
}

/** Whether what is registered is what the node asks for now. */
export const fingerprint = (wanted: object): string =>
	createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 32);
