import type {
	IAuthenticateGeneric,
	ICredentialTestRequest,
	ICredentialType,
	INodeProperties,
} from 'n8n-workflow';

/** How the nodes reach the engine: its URL and one of its API keys. */
export class CapSchedulerApi implements ICredentialType {
	name = 'capSchedulerApi';

	displayName = 'CapScheduler API';

	icon = {
		light: 'file:capScheduler.svg',
		dark: 'file:capScheduler.dark.svg',
	} as const;

	documentationUrl = 'https://github.com/capscheduler/capscheduler/blob/main/docs/n8n.md';

	/** Of no use to the HTTP Request node: the engine's key stays with the nodes made for it. */
	restrictToSupportedNodes = true as const;

	properties: INodeProperties[] = [
		{
			displayName: 'Engine URL',
			name: 'baseUrl',
			type: 'string',
			default: 'http://127.0.0.1:7070',
			required: true,
			placeholder: 'e.g. https://scheduler.example.com',
			description:
				'Where the engine answers, as n8n reaches it. In Docker, 127.0.0.1 is the container itself: use the name of the service.',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			placeholder: 'e.g. csk_…',
			description:
				'A key of the engine, made by <code>capscheduler keys create</code>. The CapSchedule Trigger needs the scopes <code>capabilities:write</code>, <code>schedules:read</code> and <code>schedules:write</code>; the other nodes need the scopes of what they do.',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: { headers: { Authorization: '=Bearer {{$credentials.apiKey}}' } },
	};

	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{$credentials.baseUrl.replace(/\\/+$/, "")}}',
			url: '/v1/me',
		},
		// whatever else answers at that URL says 200 as well
		rules: [
			{
				type: 'responseSuccessBody',
				properties: {
					key: 'keyId',
					value: undefined,
					message: 'What answers at the engine URL is not CapScheduler',
				},
			},
		],
	};
}
