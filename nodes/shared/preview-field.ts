import type { INodeProperties } from 'n8n-workflow';

interface PreviewField {
	displayName: string;
	name: string;
	/** Of `loadOptions`: gives what is computed as entries, the first of them with an empty value. */
	method: string;
	/** Parameters by their paths, each a text: the editor compares texts, and all objects have the same. */
	dependsOn: string[];
	description: string;
}

/** What the engine computes of the other fields, as a list: the panel knows no better place for it. */
export const previewField = ({
	displayName,
	name,
	method,
	dependsOn,
	description,
}: PreviewField): INodeProperties => ({
	displayName,
	name,
	type: 'options',
	noDataExpression: true,
	typeOptions: { loadOptionsMethod: method, loadOptionsDependsOn: dependsOn },
	default: '',
	description: `${description}, computed by CapScheduler. Only a preview: what is selected changes nothing.`,
});
