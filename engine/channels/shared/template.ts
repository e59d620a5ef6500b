import { inputError } from '../../contract/errors.ts';
import type { Parcel } from '../channel.port.ts';

/** What texts of messages, keys and headers may name. Logic-less: fields are put in, nothing is evaluated. */
const FIELDS = {
	title: (parcel) =>
		parcel.message?.title ?? parcel.report?.title ?? `${parcel.capability} ${parcel.action}`,
	capability: ({ capability }) => capability,
	action: ({ action }) => action,
	nominalAt: ({ nominalAt }) => nominalAt,
	filename: ({ filename }) => filename,
	contentType: ({ contentType }) => contentType,
	size: ({ size }) => String(size),
	sha256: ({ sha256 }) => sha256,
	deliveryId: ({ deliveryId }) => deliveryId,
	runId: ({ runId }) => runId,
	scheduleId: ({ scheduleId }) => scheduleId,
	tenant: ({ tenant }) => tenant,
} as const satisfies Record<string, (parcel: Parcel) => string | null>;

export const TEMPLATE_FIELDS: readonly string[] = Object.keys(FIELDS);

type Part = string | { field: string };

/** Texts and fields in turn; null where braces are left open. */
function partsOf(template: string): Part[] | null {
	const parts: Part[] = [];
	for (const [, inner, text, brace] of template.matchAll(/\{\{([^{}]*)\}\}|([^{}]+)|([{}])/g)) {
		if (inner !== undefined) parts.push({ field: inner.trim() });
		// a single brace is text, so that JSON can be written; two of them are a field that is not closed
		else parts.push(text ?? brace ?? '');
	}
	return /\{\{|\}\}/.test(template.replace(/\{\{[^{}]*\}\}/g, '')) ? null : parts;
}

/** For a schema's `refine`: whether every field in braces is known. @param isMore says so of further fields */
export function isTemplate(
	template: string,
	isMore: (field: string) => boolean = () => false,
): boolean {
	const known = (field: string): boolean => TEMPLATE_FIELDS.includes(field) || isMore(field);
	return fieldsOf(template)?.every(known) ?? false;
}

/** The fields that a template names; null when it is none. */
export function fieldsOf(template: string): string[] | null {
	const parts = partsOf(template);
	return parts?.filter((part) => typeof part !== 'string').map(({ field }) => field) ?? null;
}

export function templateExpectation(more: readonly string[] = []): string {
	return `text with {{field}} of ${[...TEMPLATE_FIELDS, ...more].join(', ')}`;
}

/**
 * The text with its fields put in; one that the parcel does not have is written as nothing.
 * @param more values of fields beside those of every parcel
 * @param encode what becomes of a value, for texts that are markup or JSON
 * @throws CapError TEMPLATE_INVALID
 */
export function renderTemplate(
	template: string,
	parcel: Parcel,
	{
		more = () => undefined,
		encode = (value) => value,
	}: { more?: (field: string) => string | undefined; encode?: (value: string) => string } = {},
): string {
	const parts = partsOf(template);
	if (parts === null) throw unknownField(template);
	return parts
		.map((part) => (typeof part === 'string' ? part : encode(valueOf(part.field, parcel, more))))
		.join('');
}

function valueOf(
	field: string,
	parcel: Parcel,
	more: (field: string) => string | undefined,
): string {
	const given = more(field);
	if (given !== undefined) return given;
	if (!Object.hasOwn(FIELDS, field)) throw unknownField(field);
	return FIELDS[field as keyof typeof FIELDS](parcel) ?? '';
}

function unknownField(text: string) {
	return inputError('TEMPLATE_INVALID', {
		path: 'template',
		expected: templateExpectation(),
		received: JSON.stringify(text.slice(0, 60)),
	});
}

/** One line for a header, a subject, a title: no control characters, nothing that turns the direction. */
export function oneLine(text: string, max = 200): string {
	const flat = text
		.toWellFormed()
		.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
		.trim();
	const characters = [...flat];
	return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : flat;
}
