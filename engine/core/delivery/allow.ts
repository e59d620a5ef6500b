import type { DestinationRules } from '../../contract/destination.ts';
import type { InputIssue } from '../../contract/errors.ts';

/** What is known of a file that is to go to a destination; what is not known yet is not judged. */
export interface Intended {
	capability: string;
	format?: string | undefined;
	filename?: string | undefined;
}

/** What of it the destination's rules do not allow; null: nothing. `path` is that of a target's field. */
export function whyNotAllowed(
	rules: DestinationRules | undefined,
	{ capability, format, filename }: Intended,
): InputIssue | null {
	const { capabilities, formats, filenames } = rules?.allow ?? {};
	if (capabilities !== undefined && !capabilities.includes(capability)) {
		return issue('capability', capabilities, { received: capability });
	}
	if (formats !== undefined && format !== undefined && !formats.includes(format)) {
		return issue('format', formats, { received: format });
	}
	if (filenames !== undefined && filename !== undefined) {
		if (filenames.some((prefix) => filename.startsWith(prefix))) return null;
		return issue('filename', filenames, { received: filename, words: 'a name that begins with' });
	}
	return null;
}

function issue(
	path: string,
	allowed: readonly string[],
	{ received, words = 'one that the destination allows:' }: { received: string; words?: string },
): InputIssue {
	const some = allowed.slice(0, 10).map((one) => JSON.stringify(one));
	const more = allowed.length > some.length ? ' …' : '';
	return {
		path,
		expected: `${words} ${some.join(', ')}${more}`,
		received: JSON.stringify(received.slice(0, 100)),
	};
}
