import type {
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { getSettingsFields } from '../shared/channel-form';
import { getChannels, getDestinations, getFormats, searchDestinations } from '../shared/lists';
import { CREDENTIAL } from '../shared/transport';
import { eachUpload, getFormatOptions, previewFileName } from '../shared/upload';
import { deliver } from './deliver';
import { properties } from './fields';

/** Hands items or files to the engine, which delivers them: with attempts, fallbacks, receipts and dead letters. */
export class Deliver implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Deliver',
		name: 'deliver',
		icon: { light: 'file:deliver.svg', dark: 'file:deliver.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle:
			'={{ ($parameter["format"] ? $parameter["format"] + " " : "") + { link: "as a link", channel: "to " + ($parameter["channel"] || "…"), destination: "to " + (($parameter["destination"]?.value ?? $parameter["destination"]) || "…") }[$parameter["to"]] }}',
		description: 'Deliver items or files with CapScheduler, or make a link to them',
		defaults: { name: 'Deliver' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: CREDENTIAL, required: true }],
		hints: [
			{
				type: 'info',
				message:
					'Without waiting, a delivery that fails is no error of this workflow: it becomes a <b>dead letter</b> of CapScheduler.',
				displayCondition: '={{ $parameter["to"] !== "link" && $parameter["wait"] === false }}',
				whenToDisplay: 'beforeExecution',
				location: 'outputPane',
			},
		],
		properties,
	};

	methods = {
		loadOptions: { getChannels, getDestinations, getFormats, previewFileName },
		listSearch: { searchDestinations },
		resourceMapping: { getFormatOptions, getSettingsFields },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return eachUpload(this, deliver);
	}
}
