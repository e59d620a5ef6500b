import type { Store } from '../store.port.ts';
import type { createDeliveries } from './deliveries.ts';
import type { createLinks } from './links.ts';
import type { createNotifications } from './notifications.ts';
import type { createResults } from './results.ts';
import type { createRuns } from './runs.ts';
import type { createSpecs } from './specs.ts';

export function createRunDetails(parts: {
	runs: ReturnType<typeof createRuns>;
	specs: ReturnType<typeof createSpecs>;
	results: ReturnType<typeof createResults>;
	deliveries: ReturnType<typeof createDeliveries>;
	notifications: ReturnType<typeof createNotifications>;
	links: ReturnType<typeof createLinks>;
}): Pick<Store, 'getRunDetails'> {
	const { runs, specs, results, deliveries, notifications, links } = parts;
	return {
		async getRunDetails(tenant, id) {
			const found = await runs.withAttempts(tenant, id);
			if (found === null) return null;
			const { run, attempts } = found;
			const { resultId } = run;
			const [spec, result, sent, told, linked] = await Promise.all([
				specs.find(run.specId),
				resultId === null ? null : results.port.getResult(tenant, resultId),
				deliveries.ofRun(tenant, id),
				notifications.ofRun(tenant, id),
				links.linksOfRun(tenant, id),
			]);
			if (spec === null) return null;
			return {
				run,
				spec,
				attempts,
				result,
				deliveries: sent,
				notifications: told,
				links: linked,
			};
		},
	};
}
