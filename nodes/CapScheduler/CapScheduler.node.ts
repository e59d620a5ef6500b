import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes, NodeOperationError } from 'n8n-workflow';

import { getSettingsFields } from '../shared/channel-form';
import { failedItem } from '../shared/items';
import {
	getCalendars,
	getChannels,
	getFormats,
	searchActions,
	searchCapabilities,
	searchDestinations,
	searchSchedules,
} from '../shared/lists';
import { getParameterFields } from '../shared/parameter-form';
import { CREDENTIAL } from '../shared/transport';
import { backfill } from './backfill';
import { calendar } from './calendar';
import { capability } from './capability';
import { deadLetter, delivery } from './delivery';
import { destination } from './destination';
import { link } from './link';
import { getCountries, getRegions, searchCalendars } from './lists';
import { occurrence } from './occurrence';
import type { Output, Resource } from './resource';
import { run } from './run';
import { schedule } from './schedule';

const resources: Readonly<Record<string, Resource>> = {
	backfill,
	calendar,
	capability,
	deadLetter,
	delivery,
	destination,
	link,
	occurrence,
	run,
	schedule,
};

/** Manages what the engine keeps. */
export class CapScheduler implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'CapScheduler',
		name: 'capScheduler',
		icon: { light: 'file:capScheduler.svg', dark: 'file:capScheduler.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
		description: 'Manage schedules, runs, deliveries and destinations of CapScheduler',
		defaults: { name: 'CapScheduler' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: CREDENTIAL, required: true }],
		properties: [
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				options: [
					{ name: 'Backfill', value: 'backfill' },
					{ name: 'Calendar', value: 'calendar' },
					{ name: 'Capability', value: 'capability' },
					{ name: 'Dead Letter', value: 'deadLetter' },
					{ name: 'Delivery', value: 'delivery' },
					{ name: 'Destination', value: 'destination' },
					{ name: 'Occurrence', value: 'occurrence' },
					{ name: 'Result Link', value: 'link' },
					{ name: 'Run', value: 'run' },
					{ name: 'Schedule', value: 'schedule' },
				],
				default: 'schedule',
			},
			...Object.values(resources).flatMap(({ properties }) => properties),
		],
	};

	methods = {
		loadOptions: { getCalendars, getChannels, getCountries, getFormats, getRegions },
		listSearch: {
			searchActions,
			searchCalendars,
			searchCapabilities,
			searchDestinations,
			searchSchedules,
		},
		resourceMapping: { getParameterFields, getSettingsFields },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const output: INodeExecutionData[] = [];
		for (let i = 0; i < this.getInputData().length; i++) {
			try {
				output.push(...itemsOf(await operate(this, i), i));
			} catch (error) {
				output.push(failedItem(this, error, i));
			}
		}
		return [output];
	}
}

async function operate(context: IExecuteFunctions, itemIndex: number): Promise<Output> {
	const resource = context.getNodeParameter('resource', itemIndex);
	const operation = context.getNodeParameter('operation', itemIndex);
	const act = resources[resource]?.operations[operation];
	if (act !== undefined) return act(context, itemIndex);
	throw new NodeOperationError(context.getNode(), `"${resource}" has no operation "${operation}"`, {
		itemIndex,
	});
}

function itemsOf(output: Output, item: number): INodeExecutionData[] {
	const pairedItem = { item };
	if (Array.isArray(output)) return output.map((json) => ({ json, pairedItem }));
	if ('binary' in output && 'json' in output) {
		return [{ ...(output as INodeExecutionData), pairedItem }];
	}
	return [{ json: output, pairedItem }];
}
