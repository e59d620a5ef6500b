import type { RunSpec } from './schedule.ts';

/** Every destination that the spec names, by id or by name. */
export function destinationsOf(spec: RunSpec): Set<string> {
	const named = new Set<string>();
	const add = ({ destination }: { destination?: string | undefined }): void => {
		if (destination !== undefined) named.add(destination);
	};
	for (const { primary, fallbacks } of spec.delivery?.targets ?? []) {
		add(primary);
		fallbacks.forEach(add);
	}
	if (spec.delivery?.alert !== undefined) add(spec.delivery.alert);
	spec.notify.forEach(add);
	return named;
}
