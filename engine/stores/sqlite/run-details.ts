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
			const run = await runs.port.getRun(tenant, id);
			const spec = run === null ? null : specs.find(run.specId);
			if (run === null || spec === null) return null;
			return {
				run,
				spec,
				attempts: runs.attemptsOf(id),
				result: run.resultId === null ? null : await results.port.getResult(tenant, run.resultId),
				deliveries: deliveries.ofRun(tenant, id),
				notifications: notifications.ofRun(tenant, id),
				links: links.linksOfRun(tenant, id),
			};
		},
	};
}
