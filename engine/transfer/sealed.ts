import type { Target } from '../contract/delivery.ts';
import type { PackageStep } from '../contract/packaging.ts';
import type { Sealed } from '../contract/sealed.ts';
import type { RunSpec } from '../contract/schedule.ts';
import type { ArchiveRecords, Section } from '../stores/archive.port.ts';

/** Null takes the secret out. */
type MapSealed = (sealed: Sealed) => Sealed | null;

type Mappers = {
	[S in Section]?: (record: ArchiveRecords[S], map: MapSealed) => ArchiveRecords[S];
};

/** Every place of a record in which a secret is kept. */
const MAPPERS: Mappers = {
	capabilities: (capability, map) => ({
		...capability,
		binding: { ...capability.binding, sealed: mapFields(capability.binding.sealed, map) },
	}),
	destinations: (destination, map) => ({
		...destination,
		sealed: mapFields(destination.sealed, map),
	}),
	specs: ({ id, spec }, map) => ({ id, spec: mapSpec(spec, map) }),
	deliveries: (delivery, map) => ({
		...delivery,
		target: mapTarget(delivery.target, map),
		fallbacks: delivery.fallbacks.map((target) => mapTarget(target, map)),
	}),
	notifications: (notification, map) => ({
		...notification,
		sealedUrl: notification.sealedUrl === null ? null : map(notification.sealedUrl),
		sealedBody: notification.sealedBody === null ? null : map(notification.sealedBody),
	}),
	idempotency: (record, map) => ({
		...record,
		// that a first key was made has no answer to be given again
		response: record.response === '' ? '' : (map(record.response) ?? ''),
	}),
};

/** The sections whose records hold secrets. */
export const SEALED_SECTIONS = Object.keys(MAPPERS) as Section[];

/** The record with its secrets changed; the same object where it can hold none. */
export function mapSealed<S extends Section>(
	section: S,
	record: ArchiveRecords[S],
	map: MapSealed,
): ArchiveRecords[S] {
	const mapper = MAPPERS[section] as
		((record: ArchiveRecords[S], map: MapSealed) => ArchiveRecords[S]) | undefined;
	return mapper === undefined ? record : mapper(record, map);
}

function mapFields(sealed: Record<string, Sealed>, map: MapSealed): Record<string, Sealed> {
	const kept: Record<string, Sealed> = {};
	for (const [field, value] of Object.entries(sealed)) {
		const mapped = map(value);
		if (mapped !== null) kept[field] = mapped;
	}
	return kept;
}

function mapTarget(target: Target, map: MapSealed): Target {
	const { sealed, package: steps } = target;
	return {
		...target,
		...(sealed === undefined ? {} : { sealed: mapFields(sealed, map) }),
		...(steps === undefined ? {} : { package: steps.map((step) => mapStep(step, map)) }),
	};
}

function mapStep(step: PackageStep, map: MapSealed): PackageStep {
	if (typeof step === 'string' || step.sealed === undefined) return step;
	return { ...step, sealed: mapFields(step.sealed, map) };
}

function mapSpec(spec: RunSpec, map: MapSealed): RunSpec {
	const { delivery } = spec;
	return {
		...spec,
		delivery:
			delivery === null
				? null
				: {
						...delivery,
						targets: delivery.targets.map(({ primary, fallbacks }) => ({
							primary: mapTarget(primary, map),
							fallbacks: fallbacks.map((target) => mapTarget(target, map)),
						})),
					},
		notify: spec.notify.map(({ sealedSecret, ...entry }) => {
			const mapped = sealedSecret === undefined ? null : map(sealedSecret);
			return mapped === null ? entry : { ...entry, sealedSecret: mapped };
		}),
	};
}
