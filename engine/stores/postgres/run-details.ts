import type { Store } from '../store.port.ts';
import type { Context } from './context.ts';
import type { createDeliveries } from './deliveries.ts';
import type { createLinks } from './links.ts';
import type { createNotifications } from './notifications.ts';
import type { createResults } from './results.ts';
import type { createRuns } from './runs.ts';
import type { createSpecs } from './specs.ts';

export function createRunDetails(
	{ db }: Pick<Context, 'db'>,
	parts: {
		runs: ReturnType<typeof createRuns>;
		specs: ReturnType<typeof createSpecs>;
		results: ReturnType<typeof createResults>;
		deliveries: ReturnType<typeof createDeliveries>;
		notifications: ReturnType<typeof createNotifications>;
		links: ReturnType<typeof createLinks>;
	},
): Pick<Store, 'getRunDetails'> {
	const { runs, specs, results, deliveries, notifications, links } = parts;
	return {
		async getRunDetails(tenant, id) {
			const run = await runs.port.getRun(tenant, id);
			if (run === null) return null;
			const { specId, resultId } = run;
			const [found, attempts, result, pushed, told, linked] = await Promise.all([
				specs.find(db, [specId]),
				runs.attemptsOf(id),
				resultId === null ? null : results.port.getResult(tenant, resultId),
				deliveries.ofRun(tenant, id),
				notifications.ofRun(tenant, id),
				links.linksOfRun(tenant, id),
			]);
			const spec = found.get(specId);
			if (spec === undefined) return null;
			return {
				run,
				spec,
				attempts,
				result,
				deliveries: pushed,
				notifications: told,
				links: linked,
			};
		},
	};
}
