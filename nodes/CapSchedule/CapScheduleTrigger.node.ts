import type {
	IExecuteFunctions,
	IHookFunctions,
	INodeExecutionData,
	INodeType,
	INodeTypeDescription,
	ITriggerResponse,
	IWebhookFunctions,
	IWebhookResponseData,
} from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import { byDisplayName } from '../shared/descriptions';
import { getCalendars } from '../shared/lists';
import { policyOptions } from '../shared/policies';
import { previewField } from '../shared/preview-field';
import { rulesField, timeZoneOption, timingOptions, timingPaths } from '../shared/timing-fields';
import { CREDENTIAL } from '../shared/transport';
import { refused, signedBody } from '../shared/webhook';
import { occurrenceOf, readEnvelope } from './occurrence';
import { previewOccurrences } from './preview';
import { isRegistered, register, unregister } from './registration';
import { seenBefore } from './seen';
import type { Respond } from './settings';

/** Starts the workflow on a schedule that the engine keeps: with deadlines, retries, a ledger and delivery. */
export class CapScheduleTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'CapSchedule Trigger',
		name: 'capScheduleTrigger',
		icon: { light: 'file:capScheduleTrigger.svg', dark: 'file:capScheduleTrigger.dark.svg' },
		group: ['trigger', 'schedule'],
		version: 1,
		description:
			'Starts the workflow on a schedule of CapScheduler, which retries, catches up and delivers results',
		subtitle:
			'={{ { immediately: "responds at once", lastNode: "responds when finished", session: "responds by RuntimeSession" }[$parameter["respond"]] }}',
		eventTriggerDescription: '',
		activationMessage:
			'Your workflow is now a schedule in CapScheduler. It starts as the trigger rules say, and every occurrence is in the ledger there.',
		defaults: { name: 'CapSchedule Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: CREDENTIAL, required: true }],
		triggerPanel: {
			header: 'Wait for an occurrence',
			executionsHelp: {
				inactive:
					'<b>While building your workflow</b>, click the "Execute step" button: CapScheduler fires once, about a second later, whatever the rules say.<br /><br /><b>When you are ready</b>, publish the workflow. It then runs on its schedule, and you see the runs in the <a data-key="executions">executions list</a>.',
				active:
					'<b>While building your workflow</b>, click the "Execute step" button: CapScheduler fires once, about a second later, whatever the rules say.<br /><br /><b>The published workflow</b> runs on its schedule. You see the runs in the <a data-key="executions">executions list</a>, and every occurrence, skipped ones too, in CapScheduler.',
			},
			activationHint:
				'Once you have finished building your workflow, publish it: from then on CapScheduler starts it by the trigger rules.',
		},
		webhooks: [
			{
				name: 'default',
				httpMethod: 'POST',
				path: 'occurrence',
				responseMode: '={{ $parameter["respond"] === "lastNode" ? "lastNode" : "onReceived" }}',
				responseCode: '={{ $parameter["respond"] === "session" ? 202 : 200 }}',
				responseData: '={{ $parameter["options"]["result"] || "allEntries" }}',
				responseBinaryPropertyName: '={{ $parameter["options"]["resultBinary"] || "data" }}',
				ndvHideUrl: true,
				ndvHideMethod: true,
			},
		],
		properties: [
			{
				displayName:
					'The workflow is registered with CapScheduler when you publish it, and removed when you unpublish it.',
				name: 'notice',
				type: 'notice',
				default: '',
			},
			rulesField,
			{
				// what lists are loaded by knows nothing of the workflow's settings
				displayName: 'Time Zone of the Workflow',
				name: 'workflowTimeZone',
				type: 'hidden',
				default: '={{ $now.zoneName }}',
			},
			previewField({
				displayName: 'Next Occurrences',
				name: 'preview',
				method: 'previewOccurrences',
				dependsOn: [...timingPaths, 'workflowTimeZone'],
				description: 'When the workflow runs next',
			}),
			{
				displayName: 'Respond',
				name: 'respond',
				type: 'options',
				options: [
					{
						name: 'Immediately',
						value: 'immediately',
						description: 'The run is over as soon as the workflow has begun',
					},
					{
						name: 'Using a RuntimeSession Node',
						value: 'session',
						description:
							'The run is over when a RuntimeSession node responds or fails, up to 7 days later',
					},
					{
						name: 'When Last Node Finishes',
						value: 'lastNode',
						description:
							"The data of the last node is the run's result, which CapScheduler delivers",
					},
				],
				default: 'lastNode',
				description: 'When the run is over for CapScheduler, and with which result',
			},
			{
				displayName:
					'Set the option "Timeout" to as long as the workflow may take. If no RuntimeSession node answers until then, the attempt has failed.',
				name: 'sessionNotice',
				type: 'notice',
				default: '',
				displayOptions: { show: { respond: ['session'] } },
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add option',
				default: {},
				options: byDisplayName([
					...policyOptions,
					...timingOptions,
					{
						displayName: 'Delivery (JSON)',
						name: 'delivery',
						type: 'json',
						default: '{}',
						placeholder:
							'e.g. { "mode": "push", "targets": [{ "destination": "warehouse", "format": "csv" }] }',
						description: 'Where CapScheduler sends the result. Empty: nowhere.',
					},
					{
						displayName: 'Parameters (JSON)',
						name: 'parameters',
						type: 'json',
						default: '{}',
						placeholder: 'e.g. { "region": "EU" }',
						description:
							'What the workflow begins with as <code>parameters</code>; a run by hand or a backfill may have others',
					},
					{
						displayName: 'Result',
						name: 'result',
						type: 'options',
						options: [
							{ name: 'All Items', value: 'allEntries', description: 'The items are rows' },
							{ name: 'First Item as Binary', value: 'firstEntryBinary', description: 'A file' },
							{ name: 'First Item as JSON', value: 'firstEntryJson', description: 'One object' },
							{ name: 'Nothing', value: 'noData' },
						],
						default: 'allEntries',
						description: "What of the last node's data is the run's result",
						displayOptions: { show: { '/respond': ['lastNode'] } },
					},
					{
						displayName: 'Result Binary Field',
						name: 'resultBinary',
						type: 'string',
						default: 'data',
						hint: 'The name of the binary field that is the result',
						displayOptions: { show: { '/respond': ['lastNode'], result: ['firstEntryBinary'] } },
					},
					{
						displayName: 'Schedule Name',
						name: 'name',
						type: 'string',
						default: '',
						placeholder: 'e.g. Month-end report',
						description: "The schedule's name in CapScheduler. Empty: the workflow's.",
					},
					timeZoneOption,
				]),
			},
		],
	};

	methods = { loadOptions: { getCalendars, previewOccurrences } };

	webhookMethods = {
		default: {
			async checkExists(this: IHookFunctions): Promise<boolean> {
				return isRegistered(this);
			},
			async create(this: IHookFunctions): Promise<boolean> {
				return register(this);
			},
			async delete(this: IHookFunctions): Promise<boolean> {
				return unregister(this);
			},
		},
	};

	/**
	 * Does nothing, but is why n8n asks `checkExists` at its own start too: that heals what was lost at the
	 * engine meanwhile.
	 */
	async trigger(): Promise<ITriggerResponse> {
		return {};
	}

	/**
	 * Hands on what came by the webhook. n8n does so by itself for a trigger that has only a webhook; one with
	 * `trigger` too would, in a test, wait for that to emit something.
	 */
	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [this.getInputData()];
	}

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		const data = this.getWorkflowStaticData('node') as { secret?: string };
		if (data.secret === undefined && this.getMode() === 'manual') {
			return refused(this, 429, 'the test is still being registered');
		}
		const received = signedBody(this, data.secret);
		if ('refusal' in received) return received.refusal;
		const envelope = readEnvelope(received.body);
		if (seenBefore(`${envelope.requestId}/${envelope.epoch}`)) {
			return refused(this, 409, 'this attempt was received already');
		}

		const respond = this.getNodeParameter('respond') as Respond;
		return {
			workflowData: [
				[
					{
						json: occurrenceOf(envelope, {
							timeZone: this.getTimezone(),
							withSession: respond === 'session',
						}),
					},
				],
			],
			...(respond === 'lastNode'
				? {}
				: {
						webhookResponse:
							respond === 'session' ? { status: 'accepted' } : { status: 'succeeded' },
					}),
		};
	}
}
