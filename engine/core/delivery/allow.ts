import type { DestinationRules } from '../../contract/destination.ts';
import type { InputIssue } from '../../contract/errors.ts';

/** What is known of a file that is to go to a destination; what is not known yet is not judged. */
export interface Intended {
	capability?: string | undefined;
	/** Of the file; of an archive those of all its files. */
	formats?: readonly string[] | undefined;
	filename?: string | undefined;
	/** Where the settings lead to; see `Channel.reaches`. */
	folders?: readonly string[] | undefined;
	recipients?: readonly string[] | undefined;
}

type Allow = NonNullable<DestinationRules['allow']>;

/** In the order in which they are told. `path` is that of a target's field, or of a setting. */
const RULES: readonly {
	rule: keyof Allow;
	path: string;
	given(this: void, intended: Intended): readonly string[];
	allows(this: void, allowed: string, given: string): boolean;
}[] = [
	{
		rule: 'capabilities',
		path: 'capability',
		given: ({ capability }) => listOf(capability),
		allows: (allowed, given) => allowed === given,
	},
	{
		rule: 'formats',
		path: 'format',
		given: ({ formats = [] }) => formats,
		allows: (allowed, given) => allowed === given,
	},
	{
		rule: 'filenames',
		path: 'filename',
		given: ({ filename }) => listOf(filename),
		allows: (allowed, given) => given.startsWith(allowed),
	},
	{
		rule: 'folders',
		path: 'settings.folder',
		given: ({ folders = [] }) => folders,
		allows: isInside,
	},
	{
		rule: 'recipients',
		path: 'settings',
		given: ({ recipients = [] }) => recipients,
		allows: isAddressOf,
	},
];

/** What of it the destination's rules do not allow, naming the rule; null: nothing. */
export function whyNotAllowed(
	rules: DestinationRules | undefined,
	intended: Intended,
): InputIssue | null {
	const { allow = {} } = rules ?? {};
	for (const { rule, path, given, allows } of RULES) {
		const allowed = allow[rule];
		if (allowed === undefined) continue;
		const stray = given(intended).find((one) => !allowed.some((each) => allows(each, one)));
		if (stray !== undefined) return issue(path, { rule, allowed, received: stray });
	}
	return null;
}

const listOf = (value: string | undefined): string[] => (value === undefined ? [] : [value]);

/** Whole segments: `in/sales` allows itself and `in/sales/eu`, neither `in/sales2` nor `in/sales/../other`. */
function isInside(allowed: string, folder: string): boolean {
	const [inside, within] = [folder, allowed].map(segmentsOf);
	if (inside === undefined || within === undefined || inside.includes('..')) return false;
	return (
		folder.startsWith('/') === allowed.startsWith('/') &&
		within.every((segment, at) => segment === inside[at])
	);
}

const segmentsOf = (folder: string): string[] =>
	folder.split('/').filter((segment) => segment !== '' && segment !== '.');

/** `@example.org` means the domain, and not those below it. */
function isAddressOf(allowed: string, address: string): boolean {
	const domain = address.slice(address.lastIndexOf('@'));
	return (allowed.startsWith('@') ? domain : address).toLowerCase() === allowed.toLowerCase();
}

function issue(
	path: string,
	{ rule, allowed, received }: { rule: string; allowed: readonly string[]; received: string },
): InputIssue {
	const some = allowed.slice(0, 10).map((one) => JSON.stringify(one));
	const more = allowed.length > some.length ? ' …' : '';
	return {
		path,
		expected: `what the destination's allow.${rule} names: ${some.join(', ')}${more}`,
		received: JSON.stringify(received.slice(0, 100)),
	};
}
