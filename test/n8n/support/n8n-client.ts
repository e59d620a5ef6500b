import { until } from './until.ts';

/** Of n8n's answers, what the tests look at. */
export interface Execution {
	id: string;
	workflowId: string;
	mode: string;
	status: 'success' | 'error' | 'waiting' | 'running' | 'new' | 'canceled' | 'crashed';
	data?: {
		resultData: {
			runData: Record<string, NodeRun[]>;
			lastNodeExecuted?: string;
			error?: { message: string; description?: string };
		};
	};
}

export interface NodeRun {
	executionStatus: string;
	data?: { main: (ExecutionItem[] | null)[] };
	error?: { message: string };
}

export interface ExecutionItem {
	json: Record<string, any>;
	binary?: Record<string, { fileName?: string; mimeType: string; bytes?: number; id?: string }>;
}

export interface N8nNode {
	id: string;
	name: string;
	type: string;
	typeVersion: number;
	position: [number, number];
	parameters: object;
	webhookId?: string;
	credentials?: Record<string, { id: string; name: string }>;
	onError?: string;
	retryOnFail?: boolean;
}

export interface WorkflowInput {
	name: string;
	nodes: N8nNode[];
	connections: object;
	settings?: object;
}

export interface StoredWorkflow extends WorkflowInput {
	id: string;
	versionId: string;
	active: boolean;
}

interface Ask {
	method?: string;
	body?: unknown;
}

const OWNER = {
	email: 'owner@example.org',
	firstName: 'Olivia',
	lastName: 'Owner',
	password: 'Correct-horse-1',
};

/** The statuses in which nothing more happens by itself. */
const OVER = ['success', 'error', 'canceled', 'crashed'];

/** A person at n8n: by the API that programs use, and by the one that the editor uses. */
export class N8nClient {
	readonly url: string;
	#cookie = '';
	#apiKey = '';

	constructor(url: string) {
		this.url = url;
	}

	/** The first user, logged in, with an API key for everything. */
	async setUp(): Promise<this> {
		await this.#login('/owner/setup', OWNER);
		const { data: scopes } = await this.rest<{ data: string[] }>('/api-keys/scopes');
		const { data } = await this.rest<{ data: { rawApiKey: string } }>('/api-keys', {
			method: 'POST',
			body: { label: 'tests', scopes, expiresAt: null },
		});
		this.#apiKey = data.rawApiKey;
		return this;
	}

	/** E-mail address and password, for a browser. */
	get owner(): { email: string; password: string } {
		return { email: OWNER.email, password: OWNER.password };
	}

	async #login(path: string, body: object): Promise<void> {
		const response = await this.#fetch(`/rest${path}`, { method: 'POST', body }, {});
		this.#cookie = response.headers
			.getSetCookie()
			.map((cookie) => cookie.split(';')[0])
			.join('; ');
		await response.arrayBuffer();
	}

	/** The editor's API. */
	async rest<T = any>(path: string, ask: Ask = {}): Promise<T> {
		const headers = { cookie: this.#cookie, 'browser-id': 'tests', 'push-ref': 'tests' };
		return (await (await this.#fetch(`/rest${path}`, ask, headers)).json()) as T;
	}

	/** The public API. */
	async api<T = any>(path: string, ask: Ask = {}): Promise<T> {
		const response = await this.#fetch(`/api/v1${path}`, ask, { 'x-n8n-api-key': this.#apiKey });
		const text = await response.text();
		return (text === '' ? null : JSON.parse(text)) as T;
	}

	async #fetch(path: string, ask: Ask, headers: Record<string, string>): Promise<Response> {
		const { method = 'GET', body } = ask;
		const response = await fetch(this.url + path, {
			method,
			headers: {
				...headers,
				...(body === undefined ? {} : { 'content-type': 'application/json' }),
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		if (response.ok) return response;
		throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
	}

	createCredential(name: string, data: object): Promise<{ id: string; name: string }> {
		const body = { name, type: 'capSchedulerApi', data };
		return this.api('/credentials', { method: 'POST', body });
	}

	createWorkflow(workflow: WorkflowInput): Promise<StoredWorkflow> {
		const body = { settings: {}, ...workflow };
		return this.api<StoredWorkflow>('/workflows', { method: 'POST', body });
	}

	workflow(id: string): Promise<StoredWorkflow> {
		return this.api<StoredWorkflow>(`/workflows/${id}`);
	}

	/** Saves a workflow; what is published is as it was until it is published again. */
	async saveWorkflow(id: string, workflow: WorkflowInput): Promise<void> {
		const { name, nodes, connections, settings = {} } = workflow;
		const body = { name, nodes, connections, settings };
		await this.api(`/workflows/${id}`, { method: 'PUT', body });
	}

	/** Publishes and waits until n8n has done with it. @throws with the trigger's own words when it failed */
	async publish(id: string): Promise<void> {
		await this.api(`/workflows/${id}/publish`, { method: 'POST', body: {} });
		const status = await this.settled(id);
		if (status.status === 'published') return;
		throw new Error(`not published: ${JSON.stringify(status)}`);
	}

	/** Unpublishes and waits until n8n has done with it, one way or the other. */
	async unpublish(id: string): Promise<void> {
		await this.api(`/workflows/${id}/unpublish`, { method: 'POST', body: {} });
		await this.settled(id);
	}

	/** Waits until n8n's outbox has nothing left for this workflow. */
	settled(id: string): Promise<PublicationStatus> {
		return until(
			`the publication of ${id}`,
			async () => {
				const { data } = await this.rest<{ data: PublicationStatus }>(
					`/workflows/${id}/publication-status`,
				);
				return data.status !== 'in_progress' && data;
			},
			{ within: 180_000 },
		);
	}

	deleteWorkflow(id: string): Promise<unknown> {
		return this.api(`/workflows/${id}`, { method: 'DELETE' });
	}

	/** The newest first. */
	async executions(workflowId: string): Promise<Execution[]> {
		const page = await this.api<{ data: Execution[] }>(
			`/executions?workflowId=${workflowId}&limit=250`,
		);
		return page.data;
	}

	execution(id: string): Promise<Execution> {
		return this.api<Execution>(`/executions/${id}?includeData=true`);
	}

	/** The first execution of a workflow that is over and fits, with its data. */
	async executed(
		workflowId: string,
		fits: (execution: Execution) => boolean = () => true,
	): Promise<Execution> {
		const found = await until(`an execution of ${workflowId}`, async () =>
			(await this.executions(workflowId)).find((one) => OVER.includes(one.status) && fits(one)),
		);
		return this.execution(found.id);
	}

	/** "Execute workflow" in the editor, from a trigger on. */
	async test(workflowId: string, triggerName: string): Promise<void> {
		// While a test ends, n8n 2.41 refuses every other one with "Maximum call stack size exceeded": it copies
		// what it holds of the one that ends, which cannot be copied. Pressing again helps.
		const { data } = await until('n8n to take a test', async () =>
			this.rest<{ data: { waitingForWebhook?: boolean } }>(`/workflows/${workflowId}/run`, {
				method: 'POST',
				body: { triggerToStartFrom: { name: triggerName } },
			}),
		);
		if (data.waitingForWebhook !== true) throw new Error('n8n does not wait for the trigger');
	}
}

export interface PublicationStatus {
	status: 'in_progress' | 'not_published' | 'published' | 'partial' | 'failed';
	triggers: { nodeId: string; status: string; errorMessage: string | null }[];
}

/** What a node put out, in its last run. */
export const outputOf = (execution: Execution, node: string): ExecutionItem[] =>
	execution.data?.resultData.runData[node]?.at(-1)?.data?.main[0] ?? [];
