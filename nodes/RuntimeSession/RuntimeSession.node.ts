import type {
	IDataObject,
	IExecuteFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
	IWebhookDescription,
	IWebhookFunctions,
	IWebhookResponseData,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { failedItem } from '../shared/items';
import { getFormats, searchActions, searchCapabilities } from '../shared/lists';
import { getParameterFields } from '../shared/parameter-form';
import { CREDENTIAL } from '../shared/transport';
import { properties } from './fields';
import { invoke, resume } from './invoke';
import { fail, heartbeat, progress, respond } from './session';

/** Wakes a sleeping execution; n8n makes its URL, so there is nothing to register. */
const resumeWebhooks: IWebhookDescription[] = [
	{
		name: 'default',
		httpMethod: 'POST',
		responseMode: 'onReceived',
		path: '',
		restartWebhook: true,
		isFullPath: true,
	},
];

/** Asks a capability for one of its actions, and answers for runs that this workflow serves. */
export class RuntimeSession implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'RuntimeSession',
		name: 'runtimeSession',
		icon: { light: 'file:runtimeSession.svg', dark: 'file:runtimeSession.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle:
			'={{ $parameter["operation"] === "invoke" ? [$parameter["capability"], $parameter["action"]].map((chosen) => chosen?.value ?? chosen).join(" ").trim() || "invoke" : $parameter["operation"] }}',
		description:
			'Run an action of a capability with CapScheduler, or answer for a run that this workflow serves',
		defaults: { name: 'RuntimeSession' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		usableAsTool: true,
		credentials: [{ name: CREDENTIAL, required: true }],
		webhooks: resumeWebhooks,
		hints: [
			{
				type: 'warning',
				message:
					'Waiting by callback takes <b>one item</b>: put a Loop Over Items node with a batch size of 1 before this one, or wait inline.',
				displayCondition:
					'={{ $parameter["operation"] === "invoke" && $parameter["wait"] === "callback" && $input.all().length > 1 }}',
				whenToDisplay: 'beforeExecution',
				location: 'outputPane',
			},
		],
		properties,
	};

	methods = {
		loadOptions: { getFormats },
		listSearch: { searchActions, searchCapabilities },
		resourceMapping: { getParameterFields },
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const items = this.getInputData();
		const output: INodeExecutionData[] = [];
		if (items.length > 0 && this.getNodeParameter('operation', 0) === 'respond') {
			try {
				return [await respond(this)];
			} catch (error) {
				return [[failedItem(this, error, 0)]];
			}
		}
		for (let i = 0; i < items.length; i++) {
			try {
				const made = await operate(this, i);
				// asleep: what goes on is what `webhook` gives
				if (made === undefined) return [items];
				output.push(...made);
			} catch (error) {
				output.push(failedItem(this, error, i));
			}
		}
		return [output];
	}

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		return resume(this);
	}
}

const SESSION: Readonly<
	Record<string, (context: IExecuteFunctions, itemIndex: number) => Promise<IDataObject>>
> = { fail, heartbeat, progress };

async function operate(
	context: IExecuteFunctions,
	itemIndex: number,
): Promise<INodeExecutionData[] | undefined> {
	const tell = SESSION[context.getNodeParameter('operation', itemIndex) as string];
	if (tell === undefined) return invoke(context, itemIndex);
	return [{ json: await tell(context, itemIndex), pairedItem: { item: itemIndex } }];
}
