import type {
	FieldType,
	IDataObject,
	IExecuteFunctions,
	ILoadOptionsFunctions,
	INodePropertyOptions,
	ResourceMapperField,
	ResourceMapperFields,
} from 'n8n-workflow';
import { NodeOperationError } from 'n8n-workflow';

import { actionsOf, chosen } from './lists';

/** The parts of a JSON Schema that a form can show. */
interface PropertySchema extends IDataObject {
	type?: string | string[];
	format?: string;
	enum?: (string | number | boolean | null)[];
	const?: string | number | boolean | null;
	title?: string;
	default?: IDataObject[string];
}

/** The fields of the chosen action's parameters, for the resource mapper. */
export async function getParameterFields(
	this: ILoadOptionsFunctions,
): Promise<ResourceMapperFields> {
	const capability = chosen(this, 'capability');
	const action = chosen(this, 'action');
	if (capability === '' || action === '') {
		return { fields: [], emptyFieldsNotice: 'Choose a capability and an action first.' };
	}
	const actions = await actionsOf(this, capability);
	return fieldsOf(actions[action]?.parameters);
}

/** Schemas that are built of alternatives or references have no fields: there is JSON for them. */
export function fieldsOf(schema: IDataObject | undefined): ResourceMapperFields {
	if (schema === undefined) {
		return { fields: [], emptyFieldsNotice: 'This action takes no declared parameters.' };
	}
	const properties = (schema.properties ?? {}) as Record<string, PropertySchema>;
	const required = Array.isArray(schema.required) ? schema.required : [];
	const fields = Object.entries(properties).map(([name, property]) =>
		fieldOf(name, property, required.includes(name)),
	);
	if (fields.length > 0) return { fields };
	return {
		fields,
		emptyFieldsNotice:
			'The schema of these parameters cannot be shown as a form. Choose "Using JSON" above.',
	};
}

function fieldOf(name: string, schema: PropertySchema, isRequired: boolean): ResourceMapperField {
	const options = optionsOf(schema);
	return {
		id: name,
		displayName: `${schema.title ?? inWords(name)}${schema.format === 'date' ? ' (YYYY-MM-DD)' : ''}`,
		required: isRequired,
		defaultMatch: false,
		display: true,
		type: options === undefined ? fieldType(schema) : 'options',
		...(options === undefined ? {} : { options }),
		...(schema.default === undefined || typeof schema.default === 'object'
			? {}
			: { defaultValue: schema.default }),
	};
}

const ACRONYMS = ['api', 'bom', 'csv', 'html', 'id', 'json', 'pdf', 'sql', 'uri', 'url', 'xml'];

/** `previousSecret` as n8n writes names: "Previous Secret". */
function inWords(name: string): string {
	const words = name
		.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
		.split(/[\s_.-]+/)
		.filter((word) => word !== '');
	return words
		.map((word) =>
			ACRONYMS.includes(word.toLowerCase())
				? word.toUpperCase()
				: word.charAt(0).toUpperCase() + word.slice(1),
		)
		.join(' ');
}

function optionsOf(schema: PropertySchema): INodePropertyOptions[] | undefined {
	if (schema.enum === undefined || schema.enum.some((value) => typeof value === 'object')) {
		return undefined;
	}
	return schema.enum.map((value) => ({
		name: String(value),
		value: value!,
	}));
}

/** JSON Schema's types as n8n's. What has several, or none, is written as JSON. */
function fieldType({ type, format, ...rest }: PropertySchema): FieldType {
	const [only, ...more] = (Array.isArray(type) ? type : [type ?? '']).filter((t) => t !== 'null');
	if (more.length > 0 || '$ref' in rest || 'oneOf' in rest || 'anyOf' in rest) return 'object';
	switch (only) {
		case 'string':
			// n8n's picker always has a time of day, which a date must not have
			if (format === 'date-time') return 'dateTime';
			return format === 'time' ? 'time' : 'string';
		case 'integer':
		case 'number':
			return 'number';
		case 'boolean':
			return 'boolean';
		case 'array':
			return 'array';
		case 'object':
			return 'object';
		default:
			return 'string';
	}
}

interface MapperValue {
	mappingMode: 'defineBelow' | 'autoMapInputData';
	value: IDataObject | null;
	schema?: ResourceMapperField[];
}

/** The names of the three parameters of a form that has JSON beside it. */
export interface FormNames {
	/** Which of the two: `fields` or `json`. */
	mode: string;
	fields: string;
	json: string;
}

const PARAMETERS: FormNames = {
	mode: 'parametersMode',
	fields: 'parameters',
	json: 'parametersJson',
};

/** The parameters of an action as the user gave them, by form or by JSON. */
export const readParameters = (context: IExecuteFunctions, itemIndex: number): IDataObject =>
	readForm(context, PARAMETERS, itemIndex);

/** An object that was given by form or by JSON. */
export function readForm(
	context: IExecuteFunctions,
	{ mode, fields, json: jsonName }: FormNames,
	itemIndex: number,
): IDataObject {
	if (context.getNodeParameter(mode, itemIndex) === 'json') {
		return readObject(context, jsonName, itemIndex);
	}
	const mapper = context.getNodeParameter(fields, itemIndex) as MapperValue;
	if (mapper.mappingMode === 'autoMapInputData') {
		const known = mapper.schema?.map(({ id }) => id) ?? [];
		const { json } = context.getInputData()[itemIndex]!;
		// with no schema everything goes, and the engine says what it does not know
		const taken = Object.entries(json).filter(
			([name]) => known.length === 0 || known.includes(name),
		);
		return Object.fromEntries(taken) as IDataObject;
	}
	const given = Object.entries(mapper.value ?? {}).filter(
		([name, value]) => value !== null && value !== undefined && !isLeftEmpty(mapper, name, value),
	);
	return Object.fromEntries(given.map(([name, value]) => [name, typed(mapper, name, value)]));
}

/** A field that need not be filled in, and was emptied again: the editor has no other word for "not given". */
const isLeftEmpty = ({ schema }: MapperValue, name: string, value: IDataObject[string]): boolean =>
	value === '' && schema?.find(({ id }) => id === name)?.required === false;

/** Objects and lists may come as text. */
function typed({ schema }: MapperValue, name: string, value: IDataObject[string]) {
	const type = schema?.find(({ id }) => id === name)?.type;
	if ((type !== 'object' && type !== 'array') || typeof value !== 'string') return value;
	return (parse(value) ?? value) as IDataObject[string];
}

/** A parameter as text; of a resource locator its value. */
export function textOf(context: IExecuteFunctions, parameter: string, itemIndex: number): string {
	const value = context.getNodeParameter(parameter, itemIndex, '', { extractValue: true });
	return typeof value === 'string' ? value.trim() : '';
}

/** A JSON parameter that must be an object; the editor gives text or an object. */
export function readObject(
	context: IExecuteFunctions,
	parameter: string,
	itemIndex: number,
): IDataObject {
	const value = objectIn(context.getNodeParameter(parameter, itemIndex, {}));
	if (value !== undefined) return value;
	throw new NodeOperationError(context.getNode(), `"${parameter}" is not a JSON object`, {
		itemIndex,
		description: 'Write an object like { "region": "EU" }. Texts and names need double quotes.',
	});
}

/** Undefined for what is no object, and no JSON of one. */
export function objectIn(given: unknown): IDataObject | undefined {
	const value: unknown = typeof given === 'string' ? parse(given) : given;
	const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
	return isObject ? (value as IDataObject) : undefined;
}

/** Undefined for what is no JSON. */
function parse(given: string): unknown {
	if (given.trim() === '') return {};
	try {
		return JSON.parse(given) as unknown;
	} catch {
		return undefined;
	}
}
