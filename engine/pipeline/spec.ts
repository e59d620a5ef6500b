import type { DeliveryInput, DeliverySpec, Place, Target } from '../contract/delivery.ts';
import { AUTO_FORMAT, DEFAULT_FILENAME } from '../contract/delivery.ts';
import type { Destination } from '../contract/destination.ts';
import type { CapError } from '../contract/errors.ts';
import { inputError } from '../contract/errors.ts';
import type { JsonObject } from '../contract/json.ts';
import type { PackageStepInput, Sidecars } from '../contract/packaging.ts';
import type { RunSpec, ScheduleInput, SpecRecord } from '../contract/schedule.ts';
import { parseInput, shown } from '../contract/zod-issues.ts';
import { whyNotAllowed } from '../core/delivery/allow.ts';
import { parseFilename } from '../core/delivery/filename.ts';
import type { Context } from './context.ts';
import { reachOf } from './allowed.ts';
import { compilePackage, demandUnpacked } from './package-steps.ts';
import { splitSecrets } from './secrets.ts';
import { specId } from './spec-id.ts';
import { compileNotify } from './spec-notify.ts';
import type { NotifyTools } from './spec-notify.ts';
import { checkedSettings, findChannel, findFormat, targetPrefix } from './spec-parts.ts';
import type { GeneratedSecrets } from './spec-parts.ts';

export interface CompiledSpec {
	record: SpecRecord;
	secrets: GeneratedSecrets;
}

type Wishes = Pick<ScheduleInput, 'delivery' | 'notify' | 'policies' | 'callback'>;

type SpecFrame = Omit<RunSpec, 'policies' | 'delivery' | 'notify'>;

/**
 * Turns what the user wished for into what a run needs, after checking all that can be checked now:
 * channels, settings, formats, options, names and whether targets may be called at all.
 */
export async function compileSpec(
	ctx: Context,
	frame: SpecFrame,
	wishes: Wishes,
): Promise<CompiledSpec> {
	const secrets: GeneratedSecrets = {};
	const compiler = new SpecCompiler(ctx, frame, secrets);
	const spec: RunSpec = {
		...frame,
		policies: wishes.policies,
		delivery: await compiler.delivery(wishes.delivery),
		notify: await compileNotify(compiler.forNotify(), wishes),
	};
	return { record: { id: specId(spec), spec }, secrets };
}

/** What was sent to replace parts of a spec; what was not sent stays, with its sealed secrets. */
export interface SpecPatch {
	delivery: DeliveryInput | undefined;
	/** Null: none any more. */
	callback: string | null | undefined;
	notify: ScheduleInput['notify'] | undefined;
}

/** @param frame the spec before, with what else is new in it */
export async function recompileSpec(
	ctx: Context,
	frame: RunSpec,
	{ delivery, callback, notify }: SpecPatch,
): Promise<CompiledSpec> {
	const secrets: GeneratedSecrets = {};
	const compiler = new SpecCompiler(ctx, frame, secrets);
	const kept = frame.notify.filter((entry) =>
		entry.callback === true ? callback === undefined : notify === undefined,
	);
	const { policies } = frame;
	if (policies.sla === undefined && kept.some(({ on }) => on.includes('sla_missed'))) {
		throw inputError('INVALID_POLICIES', {
			path: 'policies.sla',
			expected: 'a service level, as long as "notify" asks for "sla_missed"',
		});
	}
	const sent = { notify: notify ?? [], callback: callback ?? undefined, policies };
	const spec: RunSpec = {
		...frame,
		delivery: delivery === undefined ? frame.delivery : await compiler.delivery(delivery),
		notify: await compileNotify(compiler.forNotify(), { ...sent, kept }),
	};
	return { record: { id: specId(spec), spec }, secrets };
}

type SidecarsInput = NonNullable<DeliveryInput['targets'][number]['sidecars']>;

interface PlaceInput {
	destination?: string | undefined;
	channel?: string | undefined;
	settings?: JsonObject | undefined;
	format?: string | undefined;
	options?: JsonObject | undefined;
	filename?: string | undefined;
	package?: PackageStepInput[] | undefined;
	sidecars?: SidecarsInput | undefined;
}

class SpecCompiler {
	readonly #ctx: Context;
	readonly #frame: SpecFrame;
	readonly #secrets: GeneratedSecrets;

	constructor(ctx: Context, frame: SpecFrame, secrets: GeneratedSecrets) {
		this.#ctx = ctx;
		this.#frame = frame;
		this.#secrets = secrets;
	}

	/** What those who are told of a run's end are compiled with. */
	forNotify(): NotifyTools {
		return {
			ctx: this.#ctx,
			secrets: this.#secrets,
			destinationOf: async (idOrName, path) => this.#destination(idOrName, path),
			seal: (field) => this.#seal(field),
		};
	}

	async delivery(input: DeliveryInput): Promise<DeliverySpec> {
		const mode = input.mode ?? (input.targets.length > 0 ? 'both' : 'pull');
		if (mode !== 'pull' && input.targets.length === 0) {
			throw inputError('INVALID_REQUEST', {
				path: 'delivery.targets',
				expected: `at least one target with mode "${mode}"`,
				received: 'a list of 0',
			});
		}
		if (mode === 'pull' && input.targets.length > 0) {
			throw inputError('INVALID_REQUEST', {
				path: 'delivery.mode',
				expected: '"push" or "both" with targets',
				received: '"pull"',
			});
		}
		const targets: DeliverySpec['targets'] = [];
		for (const [index, target] of input.targets.entries()) {
			const path = `delivery.targets[${index}]`;
			const primary: Target = {
				...(await this.#target(target, { path, key: `${index}` })),
				when: target.when,
				...(target.priority === undefined ? {} : { priority: target.priority }),
				...(target.within === undefined ? {} : { within: target.within }),
			};
			const fallbacks: Target[] = [];
			for (const [position, fallback] of target.fallback.entries()) {
				const place = {
					path: `${path}.fallback[${position}]`,
					key: `${index}.${position + 1}`,
					inheritsSidecars: fallback.sidecars === undefined,
				};
				// A fallback is the same parcel by another way, unless it says otherwise.
				const inherited = {
					...fallback,
					format: fallback.format ?? target.format,
					options: fallback.options ?? (fallback.format === undefined ? target.options : undefined),
					filename: fallback.filename ?? target.filename,
					package: fallback.package ?? target.package,
					sidecars: fallback.sidecars ?? target.sidecars,
				};
				fallbacks.push({
					...(await this.#target(inherited, place)),
					when: fallback.when,
					...(fallback.within === undefined ? {} : { within: fallback.within }),
					...(fallback.on === undefined ? {} : { on: [...fallback.on] }),
				});
			}
			targets.push({ primary, fallbacks });
		}
		return {
			mode,
			...this.#rendering(input, 'delivery'),
			link: {
				expiresIn: input.link.expiresIn,
				...(input.link.maxUses === undefined ? {} : { maxUses: input.link.maxUses }),
			},
			...(await this.#alert(input.alert)),
			targets,
		};
	}

	async #alert(input: DeliveryInput['alert']): Promise<Pick<DeliverySpec, 'alert'>> {
		if (input === undefined) return {};
		const { id } = await this.#destination(input.destination, 'delivery.alert.destination');
		return { alert: { destination: id, on: input.on } };
	}

	async #target(
		input: PlaceInput,
		{
			path,
			key,
			inheritsSidecars = false,
		}: { path: string; key: string; inheritsSidecars?: boolean },
	): Promise<Omit<Target, 'when'>> {
		const filename = input.filename ?? DEFAULT_FILENAME;
		parseFilename(filename, `${path}.filename`);
		const { place, channel, settings } = await this.#place(input, { path, key });
		this.#demandFormat({ channel, settings }, input, path);
		const steps = await compilePackage(this.#ctx, input.package ?? [], {
			path: `${path}.package`,
			filename,
			owner: this.#seal(''),
			prefix: targetPrefix(key),
		});
		const keepsFiles = this.#ctx.channels.get(channel)?.abilities.files === true;
		if (!keepsFiles && !inheritsSidecars && input.sidecars !== undefined) {
			throw this.#noSidecars(channel, path);
		}
		return {
			...place,
			key,
			...this.#rendering(input, path),
			filename,
			...(steps.length === 0 ? {} : { package: steps }),
			...(keepsFiles && input.sidecars !== undefined ? { sidecars: kept(input.sidecars) } : {}),
		};
	}

	#noSidecars(channel: string, path: string): CapError {
		const all = this.#ctx.channels.list().filter(({ abilities }) => abilities.files === true);
		return inputError('INVALID_REQUEST', {
			path: `${path}.sidecars`,
			expected: `a channel that keeps files: ${all.map(({ name }) => name).join(', ')}`,
			received: shown(channel),
		});
	}

	/** @returns beside the place the channel that it leads to, with its settings but for the secrets */
	async #place(
		input: PlaceInput,
		{ path, key }: { path: string; key: string },
	): Promise<{ place: Place } & Pick<Destination, 'channel' | 'settings'>> {
		if (input.destination !== undefined) {
			const destination = await this.#destination(input.destination, `${path}.destination`);
			const { capability } = this.#frame;
			const { id, channel, settings, rules } = destination;
			const reached = reachOf(this.#ctx.channels.get(channel), settings);
			for (const { format, at } of formatsOf(input)) {
				const issue = whyNotAllowed(rules, {
					capability,
					formats: format === undefined ? [] : [format],
					...reached,
				});
				if (issue === null) continue;
				const field = issue.path === 'format' ? at : 'destination';
				throw inputError('FORBIDDEN', { ...issue, path: `${path}.${field}` });
			}
			return { place: { destination: id }, channel, settings };
		}
		const channel = findChannel(this.#ctx, input.channel ?? '', `${path}.channel`);
		const { settings, generated } = await checkedSettings(
			channel,
			input.settings,
			`${path}.settings`,
		);
		for (const [field, secret] of Object.entries(generated)) {
			this.#secrets[`${path}.settings.${field}`] = secret;
		}
		const split = splitSecrets(this.#ctx.sealing, settings, {
			secrets: channel.secrets,
			owner: this.#seal(''),
			prefix: targetPrefix(key),
		});
		const { name } = channel;
		return { place: { channel: name, ...split }, channel: name, settings: split.settings };
	}

	/** Kept by id: a name may be given to another destination later. */
	async #destination(idOrName: string, path: string): Promise<Destination> {
		const destination = await this.#ctx.store.getDestination(this.#frame.tenant, idOrName);
		if (destination !== null) return destination;
		throw inputError('DESTINATION_UNKNOWN', {
			path,
			expected: 'the id or name of a destination',
			received: shown(idOrName),
		});
	}

	/** A format that the channel cannot send would only make dead letters. */
	#demandFormat(
		{ channel, settings }: Pick<Destination, 'channel' | 'settings'>,
		{ format: given, package: packed }: PlaceInput,
		path: string,
	): void {
		const required = this.#ctx.channels.get(channel)?.format?.(settings);
		demandUnpacked(packed, { channel, format: required, path: `${path}.package` });
		if (given === undefined || required === undefined || required === given) return;
		throw inputError('FORMAT_UNSUITABLE', {
			path: `${path}.format`,
			expected: `"${required}", which is what channel "${channel}" sends with these settings`,
			received: shown(given),
		});
	}

	#seal(field: string): { tenant: string; type: string; id: string; field: string } {
		return { tenant: this.#frame.tenant, type: 'spec', id: this.#frame.sealedFor, field };
	}

	#rendering(
		{ format: name, options }: Pick<PlaceInput, 'format' | 'options'>,
		path: string,
	): { format: string; options: JsonObject } {
		if (name === undefined) {
			if (options === undefined) return { format: AUTO_FORMAT, options: {} };
			throw inputError('INVALID_REQUEST', {
				path: `${path}.options`,
				expected: 'options only together with a format',
				received: shown(options),
			});
		}
		const format = findFormat(this.#ctx, name, `${path}.format`);
		const parsed = parseInput(format.options, options ?? {}, { path: `${path}.options` });
		return { format: format.name, options: parsed as JsonObject };
	}
}

/** All that go there, the further ones of an archive too, and where they stand. */
function formatsOf({
	format,
	package: [step] = [],
}: PlaceInput): { format: string | undefined; at: string }[] {
	const { files = [] } = typeof step === 'object' && step.type === 'zip' ? step : {};
	return [
		{ format, at: 'format' },
		...files.map((file, index) => ({
			format: file.format,
			at: `package[0].files[${index}].format`,
		})),
	];
}

function kept({ checksums, manifest, done }: SidecarsInput): Sidecars {
	return { ...(checksums === undefined ? {} : { checksums }), manifest, done };
}
