import type { Route } from '../route.ts';
import { BACKFILL_ROUTES } from './backfills.ts';
import { BULK_ROUTES } from './bulk.ts';
import { CALENDAR_ROUTES } from './calendars.ts';
import { CAPABILITY_ROUTES } from './capabilities.ts';
import { CATALOGUE_ROUTES } from './catalogue.ts';
import { DELIVERY_ROUTES } from './deliveries.ts';
import { DESTINATION_ROUTES } from './destinations.ts';
import { EVENT_ROUTES } from './events.ts';
import { FORECAST_ROUTES } from './forecast.ts';
import { KEY_ROUTES } from './keys.ts';
import { ENGINE_ROUTES, operationRoutes } from './operations.ts';
import { OCCURRENCE_ROUTES } from './occurrences.ts';
import { RESULT_ROUTES } from './results.ts';
import { RUN_ROUTES } from './runs.ts';
import { SCHEDULE_ACT_ROUTES } from './schedule-acts.ts';
import { SCHEDULE_ROUTES } from './schedules.ts';
import { SESSION_ROUTES } from './sessions.ts';
import { TIMING_ROUTES } from './timing.ts';
import { UPLOAD_ROUTES } from './uploads.ts';

/** All that the API can do. `POST /{capability}/schedule` is in it too: no name of a capability is taken by a route. */
export const ROUTES: readonly Route[] = [
	// before those of one schedule: an id would take their place
	...BULK_ROUTES,
	...SCHEDULE_ROUTES,
	...SCHEDULE_ACT_ROUTES,
	...BACKFILL_ROUTES,
	...OCCURRENCE_ROUTES,
	...TIMING_ROUTES,
	...CALENDAR_ROUTES,
	...FORECAST_ROUTES,
	...CAPABILITY_ROUTES,
	...RUN_ROUTES,
	...RESULT_ROUTES,
	...SESSION_ROUTES,
	...DESTINATION_ROUTES,
	...DELIVERY_ROUTES,
	...UPLOAD_ROUTES,
	...EVENT_ROUTES,
	...CATALOGUE_ROUTES,
	...KEY_ROUTES,
	...ENGINE_ROUTES,
	...operationRoutes(() => ROUTES),
];
