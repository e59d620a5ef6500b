import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { FurtherFile, PackageStep, PackageStepInput } from '../contract/packaging.ts';
import { PACKAGE_SECRETS } from '../contract/packaging.ts';
import { parseInput } from '../contract/zod-issues.ts';
import { parseFilename } from '../core/delivery/filename.ts';
import type { SealBinding } from '../security/security.port.ts';
import type { Context } from './context.ts';
import { findPackaging } from './package.ts';
import type { OpenStep } from './package.ts';
import { joinSecrets, MASK, splitSecrets } from './secrets.ts';
import { below, findFormat } from './spec-parts.ts';

/** Whose secrets they are: of a target in a spec, or of a destination. */
export interface PackageOwner {
	owner: Omit<SealBinding, 'field'>;
	/** `targets.0.` */
	prefix: string;
}

const prefixOf = ({ prefix }: PackageOwner, index: number): string => `${prefix}package.${index}.`;

/** The steps as they are kept, after all was checked that can be checked now: keys, formats, names. */
export async function compilePackage(
	ctx: Context,
	input: readonly PackageStepInput[],
	{ path, filename, ...owner }: PackageOwner & { path: string; filename: string },
): Promise<PackageStep[]> {
	const steps: PackageStep[] = [];
	for (const [index, step] of input.entries()) {
		if (typeof step === 'string') {
			steps.push(step);
			continue;
		}
		const at = `${path}[${index}]`;
		const { type, ...given } = step;
		const { files, ...options } = given as typeof given & { files?: FileInput[] };
		const secrets = PACKAGE_SECRETS[type];
		await findPackaging(ctx, type)
			.check?.(options as JsonObject, ctx.clock.now())
			.catch((error: unknown) => {
				throw below(at, error);
			});
		const split = splitSecrets(ctx.sealing, options as JsonObject, {
			secrets,
			owner: owner.owner,
			prefix: prefixOf(owner, index),
		});
		const isPlain = Object.keys(split.settings).length + Object.keys(split.sealed).length === 0;
		if (isPlain && files === undefined) steps.push(type);
		else {
			steps.push({
				type,
				options: split.settings,
				...(files === undefined ? {} : { files: filesOf(ctx, files, { at, filename }) }),
				...(Object.keys(split.sealed).length === 0 ? {} : { sealed: split.sealed }),
			});
		}
	}
	return steps;
}

type FileInput = {
	format: string;
	options?: JsonObject | undefined;
	filename?: string | undefined;
};

function filesOf(
	ctx: Context,
	files: readonly FileInput[],
	about: { at: string; filename: string },
): FurtherFile[] {
	return files.map((file, index) => {
		const path = `${about.at}.files[${index}]`;
		const filename = file.filename ?? about.filename;
		parseFilename(filename, `${path}.filename`);
		const format = findFormat(ctx, file.format, `${path}.format`);
		const options = parseInput(format.options, file.options ?? {}, { path: `${path}.options` });
		return { format: format.name, options: options as JsonObject, filename };
	});
}

/** Gives the steps' options with their secrets. */
export function stepOpener(ctx: Pick<Context, 'sealing'>, owner: PackageOwner): OpenStep {
	return (step, index) =>
		typeof step === 'string'
			? {}
			: joinSecrets(
					ctx.sealing,
					{ settings: step.options, sealed: step.sealed },
					{ owner: owner.owner, prefix: prefixOf(owner, index) },
				);
}

/** The same steps as another owner's. */
export function resealPackage(
	ctx: Pick<Context, 'sealing'>,
	steps: readonly PackageStep[],
	{ from, to }: { from: PackageOwner; to: PackageOwner },
): PackageStep[] {
	const open = stepOpener(ctx, from);
	return steps.map((step, index) => {
		if (typeof step === 'string' || step.sealed === undefined) return step;
		const { sealed } = splitSecrets(ctx.sealing, open(step, index), {
			secrets: PACKAGE_SECRETS[step.type],
			owner: to.owner,
			prefix: prefixOf(to, index),
		});
		return { ...step, sealed };
	});
}

/** What answers show: no secrets. */
export function presentPackage(steps: readonly PackageStep[]): (string | JsonObject)[] {
	return steps.map((step) => {
		if (typeof step === 'string') return step;
		const { type, options, files, sealed = {} } = step;
		return {
			type,
			...options,
			...(files === undefined ? {} : { files: files.map((file) => ({ ...file })) }),
			...Object.fromEntries(Object.keys(sealed).map((name) => [name, MASK])),
		};
	});
}

/** @throws CapError where the channel makes rows or messages of the file, which it could not read then */
export function demandUnpacked(
	steps: readonly unknown[] | undefined,
	about: { channel: string; format: string | undefined; path: string },
): void {
	if (about.format === undefined || steps === undefined || steps.length === 0) return;
	throw inputError('INVALID_REQUEST', {
		path: about.path,
		expected: `nothing: channel "${about.channel}" reads the file as ${about.format}`,
		received: `a list of ${steps.length}`,
	});
}
