import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { N8nNode, StoredWorkflow, WorkflowInput } from './n8n-client.ts';
import { PACKAGE } from './n8n-process.ts';
import type { World } from './world.ts';

const FOLDER = 'docs/n8n';

export const EXAMPLES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

export const readExample = (file: string): WorkflowInput =>
	JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as WorkflowInput;

/** Imports an example as a user does, who then chooses the credentials. */
export async function importExample(
	{ n8n, credentials }: World,
	file: string,
	more: { credentials?: NonNullable<N8nNode['credentials']>; type?: string } = {},
): Promise<StoredWorkflow> {
	const { name, nodes, connections, settings } = readExample(file);
	return n8n.createWorkflow({
		name,
		connections,
		...(settings === undefined ? {} : { settings }),
		nodes: nodes.map((node) => {
			if (node.type.startsWith(`${PACKAGE}.`)) return { ...node, credentials };
			if (node.type === more.type && more.credentials !== undefined) {
				return { ...node, credentials: more.credentials };
			}
			return node;
		}),
	});
}
